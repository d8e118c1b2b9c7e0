//! The terminal comes back, however the client ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what is wrong by failing"
)]

mod support;

use rustix::process::Signal;
use support::tty::Tty;
use support::{LOOPMON, Machine, wait_for};

fn machine() -> Machine {
    let machine = Machine::new();
    machine.commit(&[("README.md", "hello\n")]);
    machine
}

fn open(machine: &Machine) -> Tty {
    let tty = Tty::open(LOOPMON, &[], &machine.project(), &machine.env(), (100, 30));
    tty.wait("Mission control for");
    tty
}

/// Everything that was switched on was switched off again, the alternate screen last.
fn is_restored(tty: &Tty) {
    let written = wait_for("the end of the alternate screen", || {
        let text = String::from_utf8_lossy(&tty.written()).into_owned();
        text.contains("\x1b[?1049l").then_some(text)
    });
    let after = written.rsplit("\x1b[?1049h").next().unwrap();
    let pairs = [
        ("?2004h", "?2004l"),
        ("?1004h", "?1004l"),
        ("?1000h", "?1000l"),
        ("?1006h", "?1006l"),
        ("[>1u", "[<u"),
    ];
    for (on, off) in pairs {
        if after.contains(on) {
            let (last_on, last_off) = (after.rfind(on), after.rfind(off));
            assert!(last_off > last_on, "{on} is left on");
        }
    }
    assert!(after.rfind("\x1b[?25h") > after.rfind("\x1b[?25l"), "the cursor is left hidden");
}

#[test]
fn quitting_restores_it() {
    let machine = machine();
    let mut tty = open(&machine);
    tty.type_text("q");
    assert_eq!(tty.ended(), 0);
    is_restored(&tty);
}

#[test]
fn signals_restore_it_and_show_in_the_exit_code() {
    for signal in [Signal::TERM, Signal::INT, Signal::QUIT, Signal::HUP] {
        let machine = machine();
        let mut tty = open(&machine);
        tty.signal(signal);
        assert_eq!(tty.ended(), u32::try_from(128 + signal.as_raw()).unwrap(), "{signal:?}");
        is_restored(&tty);
    }
}

#[test]
fn the_servers_death_restores_it_and_says_so() {
    let machine = machine();
    let mut tty = open(&machine);
    let server = wait_for("the server's process", || machine.server_pid(&machine.project()));
    rustix::process::kill_process(rustix::process::Pid::from_raw(server).unwrap(), Signal::KILL).unwrap();
    assert_eq!(tty.ended(), 1);
    is_restored(&tty);
    assert!(String::from_utf8_lossy(&tty.written()).contains("the server is gone"));
}

#[test]
fn stopped_and_continued_it_draws_again() {
    let machine = machine();
    let mut tty = open(&machine);
    tty.signal(Signal::TSTP);
    is_restored(&tty);
    let before = tty.written().len();
    tty.signal(Signal::CONT);
    wait_for("a new frame", || {
        let written = tty.written();
        String::from_utf8_lossy(&written[before..]).contains("\x1b[?1049h").then_some(())
    });
    tty.wait("Mission control for");
    tty.type_text("q");
    assert_eq!(tty.ended(), 0);
}

/// Opens a terminal, waits for the first screen in it and is gone with it; prints the client's process number.
const GO_AWAY: &str = r#"
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
seen = b""
while b"Mission" not in seen:
    seen += os.read(fd, 65536)
print(pid, flush=True)
os._exit(0)
"#;

#[test]
fn a_closed_terminal_ends_the_client_at_once() {
    let machine = machine();
    let output = std::process::Command::new("timeout")
        .args(["60", "python3", "-c", GO_AWAY, LOOPMON])
        .current_dir(machine.project())
        .env_clear()
        .envs(machine.env())
        .output()
        .unwrap();
    let pid = support::text(&output).trim().to_owned();
    assert!(!pid.is_empty(), "{}", support::errors(&output));
    wait_for("the client's end", || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok();
        stat.is_none_or(|stat| stat.contains(") Z ")).then_some(())
    });
}
