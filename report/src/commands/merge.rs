//! `merge`: one dump of many.

use std::io;
use std::path::PathBuf;

use snapshot::{Fold, MergedDump};

use crate::failure::{Failure, OK, Result};
use crate::fleet::{self, Inputs};
use crate::output::Target;

/// Make one dump of many, which `tracemalloc.Snapshot.load` opens
///
/// Each trace of each dump is a trace of the result, in the order of the dumps, so sums are sums over
/// all of them. A dump has no place for labels: which process a trace is of is lost (`convert --to
/// parquet`, `pprof` or `json` keep it). In memory are the distinct tracebacks and the dumps that are
/// being read.
#[derive(clap::Args, Debug)]
pub struct Merge {
    #[command(flatten)]
    input: Inputs,
    /// Write one trace for each traceback and domain, of the size of all its blocks: a small file with
    /// the right sizes, in which counts are numbers of tracebacks, not of blocks
    #[arg(long)]
    by_traceback: bool,
    #[command(flatten)]
    target: Target,
}

impl Merge {
    /// Writes the dump.
    pub fn run(self) -> Result<u8> {
        if self.target.output.is_none() {
            return Err(Failure::input("merge needs -o OUT"));
        }
        self.target.check()?;
        let files = self.input.expand()?;
        if let Some(out) = &self.target.output
            && fleet::contains(&files, out)
        {
            return Err(Failure::file(out, "is one of the dumps that are merged"));
        }
        if self.by_traceback {
            self.sums(&files)?;
        } else {
            self.traces(&files)?;
        }
        Ok(OK)
    }

    fn sums(&self, files: &[PathBuf]) -> Result<()> {
        let mut fold = Fold::new();
        let matched = self.input.filters.matched();
        fleet::each(
            files,
            &self.input.reading,
            |_, snapshot| fleet::folded(&matched.apply(snapshot)),
            |_, sums| {
                let sums = sums.map_err(fleet::cannot_add)?;
                fold.add(&sums).map_err(fleet::cannot_add)
            },
        )?;
        matched.or_warn();
        let sums = fold.finish().map_err(fleet::cannot_add)?;
        self.target.write(|out| sums.dump(out))
    }

    fn traces(&self, files: &[PathBuf]) -> Result<()> {
        // A bad dump is told as such, not as an output that cannot be written.
        let mut failure = None;
        let matched = self.input.filters.matched();
        let written = self.target.write(|out| {
            let mut merged = MergedDump::new(out)?;
            let read = fleet::each(
                files,
                &self.input.reading,
                |_, snapshot| matched.apply(snapshot),
                |at, snapshot| {
                    merged.add(&snapshot).map_err(|error| match error.kind() {
                        io::ErrorKind::InvalidInput => Failure::file(&files[at], error),
                        _ => match &self.target.output {
                            Some(path) => Failure::output(path, &error),
                            None => error.into(),
                        },
                    })
                },
            );
            if let Err(why) = read {
                failure = Some(why);
                return Err(io::ErrorKind::Other.into());
            }
            merged.finish().map(drop)
        });
        matched.or_warn();
        match failure {
            Some(failure) => Err(failure),
            None => written,
        }
    }
}
