//! `-X tracemalloc_peak` and `-X tracemalloc_interval`: the dump of the highest moment, and series.

use std::fs;

use super::dump_options::{SAY_READY, held, load, loaded, names, start, text, wait_until, with};
use super::util::Dir;

#[test]
fn the_peak_is_the_spike_and_not_the_end() {
    let dir = Dir::new();
    let (peak, end) = (dir.path().join("peak"), dir.path().join("end"));
    let go = dir.path().join("go");
    let code = format!(
        "import os, sys, time\n\
         spike = bytearray(40_000_000)\n\
         {SAY_READY}\
         while not os.path.exists({go:?}): time.sleep(0.01)\n\
         del spike\n\
         later = bytearray(20_000_000)\n"
    );
    let options = [("peak", text(&peak)), ("dump", text(&end))];
    let running = start(with(&options), &dir, &code);
    wait_until("the spike", || {
        load(&peak).is_some_and(|snapshot| held(&snapshot, 2) >= 40_000_000)
    });
    fs::write(&go, "").expect("a file");
    running.wait().success().stderr_is("");
    let (peak, end) = (loaded(&peak), loaded(&end));
    assert!(held(&peak, 2) >= 40_000_000);
    assert_eq!(held(&peak, 6), 0);
    assert_eq!(held(&end, 2), 0);
    assert!(held(&end, 6) >= 20_000_000);
}

#[test]
fn the_peak_of_a_program_that_only_grows_is_its_end() {
    let dir = Dir::new();
    let peak = dir.path().join("peak");
    let code = "kept = [bytearray(1000) for _ in range(20_000)]\n\
                last = bytearray(500_000)\n";
    let options = [("peak", text(&peak)), ("peak_growth", "50%")];
    with(&options)
        .args(["-c", code])
        .run()
        .success()
        .stderr_is("");
    let snapshot = loaded(&peak);
    assert!(held(&snapshot, 1) >= 20_000_000);
    assert!(held(&snapshot, 2) >= 500_000);
}

#[test]
fn the_shortest_spike_is_the_peak() {
    for (spike, times) in [
        ("bytearray(30_000_000)", 3),
        ("len([str(n) for n in range(100_000)])", 3),
        ("len(list(map(float, range(200_000))))", 3),
        ("len(b'x' * 10_000_000 + b'y')", 3),
        // It passes the limit again and again while the last dump is written.
        ("len([str(n) * 5 for n in range(40_000)])", 1),
        ("len([str(n) * 5 for n in range(41_000)])", 1),
        ("len([str(n) * 5 for n in range(42_000)])", 1),
        ("len([str(n) * 5 for n in range(43_000)])", 1),
    ] {
        let dir = Dir::new();
        let peak = dir.path().join("peak");
        let code = format!(
            "import tracemalloc\n\
             for _ in range({times}):\n\
             \x20   {spike}\n\
             print(tracemalloc.get_traced_memory()[1])\n"
        );
        let cmd = with(&[("peak", text(&peak))]).args(["-c", &code]);
        let out = cmd.run().success().stderr_is("");
        let most: i64 = out.stdout.trim().parse().expect("a number");
        let shown = loaded(&peak).total_size();
        // By 5 percent or a mebibyte, and what the thread has not handed over.
        let least = (most * 100 / 105).min(most - (1 << 20)) - (64 << 10);
        out.check(
            shown >= least,
            &format!("the dump of the peak shows {shown}"),
        );
    }
}

#[test]
fn spikes_of_many_threads_and_children() {
    let dir = Dir::new();
    let peak = dir.path().join("{pid}.peak");
    let code = "import os, subprocess, threading\n\
                def spikes(size):\n\
                \x20   for n in range(60): bytearray(n * size)\n\
                def work():\n\
                \x20   threads = [threading.Thread(target=spikes, args=(s * 10**5,)) for s in range(1, 5)]\n\
                \x20   for thread in threads: thread.start()\n\
                \x20   for _ in range(5): subprocess.run(['true'], check=True)\n\
                \x20   for thread in threads: thread.join()\n\
                work()\n\
                for _ in range(3):\n\
                \x20   pid = os.fork()\n\
                \x20   if pid == 0: break\n\
                \x20   assert os.waitpid(pid, 0)[1] == 0\n\
                else: os._exit(0)\n\
                work()\n";
    let options = [("peak", text(&peak)), ("peak_growth", "1")];
    with(&options)
        .args(["-W", "ignore", "-c", code])
        .run()
        .success()
        .stderr_is("");
    let peaks = names(dir.path());
    assert_eq!(peaks.len(), 4);
    for name in peaks {
        assert!(
            loaded(&dir.path().join(&name)).total_size() >= 59 * 400_000,
            "{name}"
        );
    }
}

#[test]
fn of_a_series_the_last_are_kept() {
    let dir = Dir::new();
    let folder = dir.path().join("series");
    fs::create_dir(&folder).expect("a folder");
    let other = dir.file("series/other.dump", "not ours");
    let path = folder.join("{pid}-{time}.dump");
    let options = [("dump", text(&path)), ("interval", "0.02"), ("keep", "3")];
    let running = start(
        with(&options),
        &dir,
        &format!("{SAY_READY}import time\ntime.sleep(1000)"),
    );
    let pid = running.id().to_string();
    let dumps = || -> Vec<String> {
        let own = |name: &String| name.starts_with(&pid);
        names(&folder).into_iter().filter(own).collect()
    };
    let mut seen = dumps();
    // Until six have come.
    wait_until("six dumps", || {
        let now = dumps();
        assert!(now.len() <= 4, "one more than are kept, at most: {now:?}");
        seen.extend(
            now.into_iter()
                .filter(|name| !seen.contains(name))
                .collect::<Vec<_>>(),
        );
        seen.len() >= 6
    });
    // A program that sleeps allocates nothing, and neither do we.
    let size = |name: &String| {
        let snapshot = load(&folder.join(name))?;
        Some((snapshot.total_size(), snapshot.traces().len()))
    };
    wait_until("two dumps with the same in them", || {
        let sizes: Vec<_> = dumps().iter().filter_map(size).collect();
        sizes.windows(2).any(|pair| pair[0] == pair[1])
    });
    running.signal("TERM");
    _ = running.wait().stderr_is("");
    let last = dumps();
    // Those of the series, and that of the end.
    assert_eq!(last.len(), 4, "{last:?}");
    assert!(seen.is_sorted(), "names are in the order of time: {seen:?}");
    assert!(
        last.iter()
            .all(|name| name.starts_with(&format!("{pid}-2")) && name.ends_with("Z.dump"))
    );
    for name in &last {
        assert!(loaded(&folder.join(name)).total_size() > 0);
    }
    assert!(other.exists());
}
