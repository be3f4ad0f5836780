//! Dumps of children: those of a fork, and other programs that are started.

use std::path::PathBuf;

use snapshot::Snapshot;

use super::dump_options::{held, loaded, names, text, with};
use super::util::Dir;

const FORK: &str = "\
import multiprocessing, os, sys
def work(number):
    kept = bytearray(1_000_000 * number)
    os._exit(0) if number == 2 else print(os.getpid(), flush=True)
context = multiprocessing.get_context('fork')
workers = [context.Process(target=work, args=(n,)) for n in (1, 2)]
for worker in workers: worker.start()
for worker in workers: worker.join()
print([worker.exitcode for worker in workers])
pid = os.fork()
kept = bytearray(3_000_000)
if pid == 0: sys.exit(3)
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
";

#[test]
fn children_of_a_fork_have_dumps_of_their_own() {
    let dir = Dir::new();
    // A folder for each, which is made then.
    let path = dir.path().join("{pid}/end");
    let peak = dir.path().join("{pid}-peak");
    let options = [("dump", text(&path)), ("peak", text(&peak))];
    let out = with(&options).args(["-c", FORK]).run().success();
    out.stdout_has("[0, 0]\n3\n");
    let ends: Vec<PathBuf> = names(dir.path())
        .iter()
        .filter(|name| !name.contains("peak"))
        .map(|name| dir.path().join(name).join("end"))
        .collect();
    assert_eq!(ends.len(), 4);
    let dumps: Vec<Snapshot> = ends.iter().map(|end| loaded(end)).collect();
    // The parent and the child of `os.fork`; the workers' blocks are gone but for the one that
    // ended in the middle.
    let with_line = |line, bytes| dumps.iter().filter(|d| held(d, line) >= bytes).count();
    assert_eq!(with_line(11, 3_000_000), 2);
    assert_eq!(with_line(3, 2_000_000), 1);
    let peaks = names(dir.path());
    assert_eq!(
        peaks.iter().filter(|name| name.ends_with("-peak")).count(),
        4
    );
}

#[test]
fn without_pid_a_child_of_a_fork_writes_nothing() {
    let dir = Dir::new();
    let path = dir.path().join("{time}.dump");
    let out = with(&[("dump", text(&path))])
        .args(["-c", FORK])
        .run()
        .success();
    out.stdout_has("[0, 0]\n3\n").stderr_is("");
    let names = names(dir.path());
    assert_eq!(names.len(), 1, "{names:?}");
    assert!(held(&loaded(&dir.path().join(&names[0])), 11) >= 3_000_000);
}

#[test]
fn a_child_of_a_fork_can_be_asked_and_ended() {
    let dir = Dir::new();
    let path = dir.path().join("{pid}.dump");
    let code = "import os, signal, sys, time\n\
                pid = os.fork()\n\
                if pid == 0:\n\
                \x20   open(sys.argv[1], 'w').close()\n\
                \x20   while True: pass\n\
                own = os.path.join(os.path.dirname(sys.argv[1]), '%d.dump' % pid)\n\
                while not os.path.exists(sys.argv[1]): time.sleep(0.01)\n\
                os.kill(pid, signal.SIGUSR2)\n\
                while not os.path.exists(own): time.sleep(0.01)\n\
                os.remove(own)\n\
                os.kill(pid, signal.SIGTERM)\n\
                print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), os.path.exists(own))\n";
    let options = [("dump", text(&path)), ("signal", "USR2")];
    let cmd = with(&options)
        .args(["-c", code])
        .arg(dir.path().join("ready"));
    cmd.run().success().stdout_is("-15 True\n").stderr_is("");
}

#[test]
fn other_programs_that_it_starts_are_as_ever() {
    let dir = Dir::new();
    let path = dir.path().join("{pid}-{time}.dump");
    let code = "import subprocess\n\
                print(subprocess.run(['sh', '-c', 'kill -TERM $$']).returncode)\n\
                try: subprocess.run(['/no/such/program'])\n\
                except FileNotFoundError: print('not found')\n\
                child = subprocess.Popen(['sleep', '1000'])\n\
                child.terminate()\n\
                print(child.wait())\n";
    let cmd = with(&[("dump", text(&path))]).args(["-c", code]);
    cmd.run()
        .success()
        .stdout_is("-15\nnot found\n-15\n")
        .stderr_is("");
    assert_eq!(names(dir.path()).len(), 1);
}
