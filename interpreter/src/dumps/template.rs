//! Paths of dumps: `{pid}` and `{time}` in them, and whether a dump can be written there.
//!
//! Invariant: a template is absolute, so a program that changes its working folder does not move
//! its dumps. The names that it gives are in the order of time.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

const PID: &str = "{pid}";
const TIME: &str = "{time}";

/// A path with places for the process and the time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Template(String);

impl Template {
    /// Reads a path as it was given, and looks whether files can be made there. A folder whose
    /// name has `{pid}` is made with its first dump; every other one has to be there.
    ///
    /// # Errors
    ///
    /// What is wrong, as the end of a sentence.
    pub(crate) fn new(path: &str) -> Result<Self, String> {
        if let Some(place) = unknown_place(path) {
            return Err(format!("there is no {place}; {PID} and {TIME} there are"));
        }
        let absolute = std::path::absolute(path).map_err(|error| plain(&error))?;
        // It is UTF-8 unless the working folder is not.
        let text = absolute.to_str().ok_or("the folder is not valid UTF-8")?;
        if path.ends_with('/') || absolute.file_name().is_none() {
            return Err("this is a folder, a file is needed".to_owned());
        }
        let template = Template(text.to_owned());
        let folder = absolute.parent().unwrap_or(&absolute);
        if folder.to_string_lossy().contains(TIME) {
            return Err(format!("{TIME} can stand in the name of the file only"));
        }
        let there = folder
            .ancestors()
            .find(|folder| !folder.to_string_lossy().contains(PID))
            .unwrap_or(folder);
        check_folder(there)?;
        let now = template.at(std::process::id(), UNIX_EPOCH);
        match fs::metadata(&now) {
            Ok(metadata) if metadata.is_dir() => {
                Err("this is a folder, a file is needed".to_owned())
            }
            Ok(metadata) if !metadata.is_file() => Err("this is not a regular file".to_owned()),
            _ => Ok(template),
        }
    }

    /// Whether each process has a path of its own.
    pub(crate) fn has_pid(&self) -> bool {
        self.0.contains(PID)
    }

    /// Whether each dump has a path of its own.
    pub(crate) fn has_time(&self) -> bool {
        self.0.contains(TIME)
    }

    /// The path of a dump of this process that is made now. No two dumps have the same time.
    pub(crate) fn now(&self) -> PathBuf {
        static LAST: AtomicU64 = AtomicU64::new(0);
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = since.map_or(0, |since| since.as_millis() as u64);
        let later = |last: u64| Some(now.max(last + 1));
        let last = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later);
        let time = now.max(last.unwrap_or(0) + 1);
        let time = UNIX_EPOCH + std::time::Duration::from_millis(time);
        self.at(std::process::id(), time)
    }

    /// Whether the folder of a dump is made with it.
    pub(crate) fn makes_folder(&self) -> bool {
        Path::new(&self.0)
            .parent()
            .is_some_and(|folder| folder.to_string_lossy().contains(PID))
    }

    fn at(&self, pid: u32, time: SystemTime) -> PathBuf {
        let path = self.0.replace(PID, &pid.to_string());
        path.replace(TIME, &stamp(time)).into()
    }
}

/// The first `{word}` of a path that stands for nothing. Other braces are part of a name.
fn unknown_place(path: &str) -> Option<&str> {
    let is_word = |text: &str| {
        let fits = |c: char| c.is_alphanumeric() || c == '_';
        !text.is_empty() && text.chars().all(fits)
    };
    let starts = path.match_indices('{').map(|(at, _)| at);
    let mut places = starts.filter_map(|at| {
        let place = &path[at..=at + path[at..].find('}')?];
        is_word(&place[1..place.len() - 1]).then_some(place)
    });
    places.find(|&place| place != PID && place != TIME)
}

/// A folder in which this process can make files.
fn check_folder(folder: &Path) -> Result<(), String> {
    let shown = folder.display();
    match fs::metadata(folder) {
        Ok(metadata) if !metadata.is_dir() => return Err(format!("{shown} is not a folder")),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(format!("there is no folder {shown}; make it first"));
        }
        Err(error) => return Err(format!("{shown}: {}", plain(&error))),
    }
    if is_writable(folder) {
        Ok(())
    } else {
        Err(format!("files cannot be made in {shown}"))
    }
}

fn is_writable(folder: &Path) -> bool {
    let Ok(path) = std::ffi::CString::new(folder.as_os_str().as_bytes()) else {
        return false;
    };
    // SAFETY: the path is a string that ends with a zero byte.
    unsafe { libc::access(path.as_ptr(), libc::W_OK | libc::X_OK) == 0 }
}

/// An error in the system's words, without its number.
pub(super) fn plain(error: &io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text[..end].to_owned()
}

/// A time in UTC, as in `20261121T140322.125Z`.
fn stamp(time: SystemTime) -> String {
    let millis = time
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis() as u64;
    let (seconds, millis) = (millis / 1000, millis % 1000);
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}.{millis:03}Z")
}

/// The year, month and day of a number of days since 1970.
fn date(mut days: u64) -> (u64, u64, u64) {
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if days < length {
            break;
        }
        days -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn times_are_in_utc_and_in_order() {
        let at =
            |seconds, millis: u32| stamp(UNIX_EPOCH + Duration::new(seconds, millis * 1_000_000));
        assert_eq!(at(0, 0), "19700101T000000.000Z");
        // From `date -u -d @…`.
        assert_eq!(at(951_782_400, 7), "20000229T000000.007Z");
        assert_eq!(at(1_795_269_802, 125), "20261121T140322.125Z");
        assert_eq!(at(4_107_542_399, 999), "21000228T235959.999Z");
        assert_eq!(at(4_107_542_400, 0), "21000301T000000.000Z");
    }

    #[test]
    fn names_of_one_process_differ() {
        let template = Template("/x/{pid}-{time}.dump".to_owned());
        let names: Vec<_> = (0..100).map(|_| template.now()).collect();
        assert!(names.is_sorted());
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
        let pid = std::process::id().to_string();
        assert!(
            names
                .iter()
                .all(|name| name.to_string_lossy().contains(&pid))
        );
    }

    #[test]
    fn where_no_file_can_be_made() {
        let wrong = |path: &str| Template::new(path).expect_err(path);
        assert_eq!(
            wrong("/no/such/x"),
            "there is no folder /no/such; make it first"
        );
        assert_eq!(wrong("/dev/null/x"), "/dev/null is not a folder");
        assert_eq!(wrong("/"), "this is a folder, a file is needed");
        assert_eq!(wrong("/tmp"), "this is a folder, a file is needed");
        assert_eq!(wrong("/tmp/x/"), "this is a folder, a file is needed");
        assert_eq!(wrong("/dev/null"), "this is not a regular file");
        assert_eq!(
            wrong("/tmp/{time}/x"),
            "{time} can stand in the name of the file only"
        );
        assert_eq!(
            wrong("/no/{pid}/x"),
            "there is no folder /no; make it first"
        );
        assert!(Template::new("/tmp/{pid}/x/{pid}.dump").is_ok());
    }

    #[test]
    fn places_that_stand_for_nothing() {
        for (path, place) in [
            ("/tmp/{Pid}", "{Pid}"),
            ("/tmp/{pid}-{date}.dump", "{date}"),
            ("{tme}", "{tme}"),
            ("{{host}", "{host}"),
        ] {
            assert_eq!(unknown_place(path), Some(place), "{path}");
            assert!(Template::new(path).is_err_and(|why| why.contains(place)));
        }
        for path in [
            "/tmp/{pid}{time}",
            "{}",
            "{",
            "}{",
            "{a,b}",
            "{a b}",
            "{{pid}}",
        ] {
            assert_eq!(unknown_place(path), None, "{path}");
        }
    }

    #[test]
    fn a_relative_path_begins_at_the_working_folder() {
        let here = std::env::current_dir().expect("a working folder");
        let template = Template::new("{pid}.dump").expect("it is writable");
        let expected = here.join(format!("{}.dump", std::process::id()));
        assert_eq!(template.now(), expected);
    }
}
