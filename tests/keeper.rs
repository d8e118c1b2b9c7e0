//! The keeper as a process of its own: what happens to a session when its peers and its tree misbehave.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may end in a panic, its helpers too")]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use loopmon::process::{
    Identity, KeeperHandle, SESSION_MARKER, SpawnError, descendants, find_by_marker, read_exit, spawn_keeper,
    write_spec,
};
use loopmon::protocol::frame::read_frame;
use loopmon::protocol::keeper::{
    ExitFile, FromKeeper, Greeting, KeeperSpec, LAUNCH_FAILED, Mode, Signal, ToKeeper, VERSION,
};
use loopmon::record::{Piece, replay};

const LIMIT: Duration = Duration::from_secs(20);

/// A session in its own directory; whatever is left of it dies with the test.
struct Session {
    dir: tempfile::TempDir,
    spec: KeeperSpec,
}

impl Session {
    fn new(mode: Mode, script: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let session = format!("keeper-test-{}-{}", std::process::id(), dir.path().display());
        let env = [
            ("PATH", std::env::var("PATH").unwrap()),
            ("LANG", "C.UTF-8".to_owned()),
            (SESSION_MARKER, session.clone()),
        ];
        let spec = KeeperSpec {
            version: VERSION,
            session,
            argv: ["sh", "-c", script].map(str::to_owned).to_vec(),
            env: env.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            cwd: dir.path().to_owned(),
            mode,
            stdin_file: None,
            stdin_open: false,
            recording: dir.path().join("s.cast"),
            recording_limit: 0,
            title: "test".into(),
            socket: dir.path().join("k"),
        };
        Self { dir, spec }
    }

    fn pty(script: &str) -> Self {
        Self::new(Mode::Pty { cols: 80, rows: 24 }, script)
    }

    fn pipes(script: &str) -> Self {
        Self::new(Mode::Pipes, script)
    }

    fn start(&self) -> Result<KeeperHandle, SpawnError> {
        write_spec(self.dir.path(), &self.spec).unwrap();
        spawn_keeper(Path::new(env!("CARGO_BIN_EXE_loopmon")), self.dir.path(), &self.spec.env, LIMIT)
    }

    fn exit(&self) -> ExitFile {
        until(|| read_exit(self.dir.path()).unwrap())
    }

    /// Waits for the keeper's own end; the session's output.
    fn finish(&self, mut handle: KeeperHandle) -> (ExitFile, String) {
        until(|| handle.reap().then_some(()));
        let exit = self.exit();
        let text = self.recorded(0, u64::MAX);
        assert_eq!(exit.offset, text.len() as u64, "the exit file counts what the recording holds");
        assert!(!self.spec.socket.exists(), "the socket is gone");
        assert_eq!(find_by_marker(SESSION_MARKER, &self.spec.session), [], "nothing of the tree is left");
        (exit, text)
    }

    fn recorded(&self, from: u64, to: u64) -> String {
        let text = |piece| if let Piece::Output { data, .. } = piece { Some(data) } else { None };
        replay(&self.spec.recording, from, to).unwrap().filter_map(text).collect()
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = loopmon::process::kill_orphans(&self.spec.session, LIMIT);
    }
}

/// A peer of the keeper.
struct Peer {
    stream: UnixStream,
    greeting: Greeting,
}

impl Peer {
    fn connect(socket: &PathBuf) -> std::io::Result<Self> {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.write_all(&ToKeeper::Hello { version: VERSION }.encode())?;
        match receive(&mut stream) {
            Some(FromKeeper::Hello(greeting)) => Ok(Self { stream, greeting }),
            _ => Err(std::io::ErrorKind::ConnectionReset.into()),
        }
    }

    fn send(&mut self, message: &ToKeeper) {
        self.stream.write_all(&message.encode()).unwrap();
    }

    fn next(&mut self) -> Option<FromKeeper> {
        receive(&mut self.stream)
    }

    /// Reads output until it holds the text.
    fn read_until(&mut self, wanted: &str) -> String {
        let mut all = String::new();
        while !all.contains(wanted) {
            match self.next() {
                Some(FromKeeper::Output { bytes, .. }) => all.push_str(std::str::from_utf8(&bytes).unwrap()),
                other => panic!("waited for {wanted:?}, had {all:?}, got {other:?}"),
            }
        }
        all
    }

    fn read_until_exited(&mut self) -> loopmon::protocol::keeper::Exit {
        loop {
            match self.next() {
                Some(FromKeeper::Exited(exit)) => return exit,
                Some(_) => {}
                None => panic!("the keeper ended without a word"),
            }
        }
    }
}

fn receive(stream: &mut UnixStream) -> Option<FromKeeper> {
    read_frame(stream).ok().flatten().map(|frame| FromKeeper::decode(frame).unwrap())
}

fn until<T>(mut find: impl FnMut() -> Option<T>) -> T {
    let give_up = Instant::now() + LIMIT;
    loop {
        if let Some(found) = find() {
            return found;
        }
        assert!(Instant::now() < give_up, "waited for {LIMIT:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn the_exit_code_and_all_output_are_kept_without_any_peer() {
    for session in [Session::pty("echo hello; exit 7"), Session::pipes("echo hello >&2; exit 7")] {
        let handle = session.start().unwrap();
        let (exit, text) = session.finish(handle);
        assert_eq!((exit.exit.code, exit.exit.signal), (Some(7), None));
        assert_eq!(text.trim_end(), "hello");
    }
    let session = Session::pipes("kill -SEGV $$");
    let handle = session.start().unwrap();
    assert_eq!(session.finish(handle).0.exit.signal, Some(11));
}

#[test]
fn peers_that_die_again_and_again_lose_and_double_nothing() {
    let count = 6000;
    let script =
        format!("i=0; while [ $i -lt {count} ]; do i=$((i+1)); echo \"line $i ä\"; done; read x; exit 3");
    let session = Session::pty(&script);
    let handle = session.start().unwrap();
    let last = format!("line {count} ä\r\n");
    // What a server has at the end: the recording up to each greeting, and what it was sent after it.
    let (mut got, mut peers) = (String::new(), 0usize);
    while !got.ends_with(&last) {
        let mut peer = Peer::connect(&session.spec.socket).unwrap();
        peers += 1;
        let recorded = session.recorded(got.len() as u64, peer.greeting.offset);
        got.push_str(&recorded);
        assert_eq!(got.len() as u64, peer.greeting.offset, "the recording holds all up to the greeting");
        // Each peer leaves in the middle: after some messages, with others on their way.
        for _ in 0..(peers % 5) {
            if got.ends_with(&last) {
                break;
            }
            let Some(FromKeeper::Output { offset, bytes }) = peer.next() else {
                panic!("output was expected")
            };
            assert_eq!(offset, got.len() as u64, "output follows without a gap");
            got.push_str(std::str::from_utf8(&bytes).unwrap());
        }
    }
    let expected: String = (1..=count).map(|number| format!("line {number} ä\r\n")).collect();
    assert_eq!(got, expected);
    let mut peer = Peer::connect(&session.spec.socket).unwrap();
    peer.send(&ToKeeper::Input(b"\n".to_vec()));
    assert_eq!(peer.read_until_exited().code, Some(3));
    assert!(session.finish(handle).1.starts_with(&expected));
}

#[test]
fn a_newer_peer_replaces_the_older_and_a_stranger_replaces_nobody() {
    let session = Session::pty("read line; echo got $line");
    let handle = session.start().unwrap();
    let mut first = Peer::connect(&session.spec.socket).unwrap();
    let mut stranger = UnixStream::connect(&session.spec.socket).unwrap();
    stranger.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(stranger.read(&mut [0; 64]).unwrap_or(0), 0, "it is hung up on");
    let old = UnixStream::connect(&session.spec.socket).map(|mut stream| {
        stream.write_all(&ToKeeper::Hello { version: VERSION + 1 }.encode()).unwrap();
        receive(&mut stream)
    });
    assert!(matches!(old.unwrap(), Some(FromKeeper::Hello(greeting)) if greeting.version == VERSION));
    first.send(&ToKeeper::Input(b"o".to_vec()));
    first.read_until("o");
    let mut second = Peer::connect(&session.spec.socket).unwrap();
    assert_eq!(first.stream.read(&mut [0; 64]).unwrap_or(0), 0, "the older is let go");
    second.send(&ToKeeper::Input(b"k\n".to_vec()));
    second.read_until("got ok");
    second.read_until_exited();
    session.finish(handle);
}

#[test]
fn a_tree_of_nine_that_ignores_everything_is_gone_after_terminate() {
    let script = r#"
        trap '' HUP TERM INT
        nohup sleep 300 >/dev/null 2>&1 &
        setsid sleep 300 &
        setsid -f sh -c 'trap "" TERM HUP; sleep 300 & setsid -f sleep 300; while :; do sleep 300; done'
        sh -c 'trap "" TERM HUP INT; while :; do sleep 300; done' &
        (sleep 300 & sleep 300) &
        echo ready; while :; do sleep 300; done"#;
    for mode in [Mode::Pty { cols: 80, rows: 24 }, Mode::Pipes] {
        let session = Session::new(mode, script);
        let handle = session.start().unwrap();
        let tree = until(|| Some(descendants(handle.keeper.pid)).filter(|tree| tree.len() >= 9));
        let mut peer = Peer::connect(&session.spec.socket).unwrap();
        peer.send(&ToKeeper::Signal(Signal::Terminate { grace_ms: 100 }));
        assert_eq!(peer.read_until_exited().signal, Some(9));
        let (exit, _) = session.finish(handle);
        assert_eq!(exit.survivors, []);
        assert!(tree.iter().all(|process| !process.is_alive()));
    }
}

#[test]
fn terminate_lets_a_tree_end_by_itself_in_its_time() {
    // The helper needs a moment longer than the program itself, and says so when it is done.
    let script = "sh -c 'trap \"sleep 0.2; echo helper done; exit\" TERM; echo up; while :; do sleep 0.05; done' & \
                  trap 'exit 4' TERM; while :; do sleep 0.05; done";
    let session = Session::pipes(script);
    let handle = session.start().unwrap();
    let mut peer = Peer::connect(&session.spec.socket).unwrap();
    until(|| session.recorded(0, u64::MAX).contains("up").then_some(()));
    peer.send(&ToKeeper::Signal(Signal::Terminate { grace_ms: 10_000 }));
    assert_eq!(peer.read_until_exited().code, Some(4));
    assert!(session.finish(handle).1.contains("helper done"));
}

#[test]
fn a_child_that_ends_takes_what_it_left_behind_with_it() {
    let session = Session::pty("setsid -f sh -c 'trap \"\" TERM HUP; while :; do sleep 300; done'; echo bye");
    let handle = session.start().unwrap();
    let (exit, text) = session.finish(handle);
    assert_eq!((exit.exit.code, text.as_str()), (Some(0), "bye\r\n"));
}

#[test]
fn a_launch_that_fails_says_why_everywhere() {
    let mut missing = Session::pty("");
    missing.spec.argv = vec!["no-such-program".into()];
    let mut nowhere = Session::pipes("pwd");
    nowhere.spec.cwd = "/no/such/place".into();
    let mut long = Session::pty("true");
    long.spec.socket = long.dir.path().join("x".repeat(200));
    for (session, wanted) in
        [(missing, "it is not in PATH"), (nowhere, "/no/such/place"), (long, "listen on")]
    {
        let Err(SpawnError::Launch { message, code }) = session.start() else {
            panic!("it can't have started")
        };
        assert!(message.contains(wanted), "{message}");
        assert_eq!(code, LAUNCH_FAILED);
        let exit = session.exit();
        assert_eq!((exit.exit.code, exit.message), (Some(LAUNCH_FAILED), Some(message)));
        assert!(session.recorded(0, u64::MAX).contains(wanted));
    }
}

#[test]
fn two_keepers_of_one_session_run_it_once() {
    for _ in 0..10 {
        let session = Session::pipes("echo started >> started; sleep 0.2");
        write_spec(session.dir.path(), &session.spec).unwrap();
        let env = &session.spec.env;
        let start = || spawn_keeper(Path::new(env!("CARGO_BIN_EXE_loopmon")), session.dir.path(), env, LIMIT);
        let handles = std::thread::scope(|scope| {
            let threads = [scope.spawn(start), scope.spawn(start), scope.spawn(start)];
            threads.map(|thread| thread.join().unwrap().unwrap())
        });
        assert!(handles.iter().all(|handle| handle.child == handles[0].child), "{handles:?}");
        session.exit();
        // One that comes when all is over runs nothing either.
        let _late = start();
        let started = std::fs::read_to_string(session.dir.path().join("started")).unwrap();
        assert_eq!(started, "started\n");
    }
}

#[test]
fn garbage_arrives_in_the_same_bytes_as_it_was_recorded() {
    let session = Session::pipes("head -c 300000 /dev/urandom; printf '\\342\\202'; read x");
    let handle = session.start().unwrap();
    let mut got = String::new();
    if let Ok(mut peer) = Peer::connect(&session.spec.socket) {
        got = session.recorded(0, peer.greeting.offset);
        while let Some(FromKeeper::Output { bytes, .. }) = peer.next() {
            got.push_str(std::str::from_utf8(&bytes).expect("only whole characters are sent"));
        }
    }
    let (_, text) = session.finish(handle);
    assert!(got.is_empty() || got == text);
    assert!(text.ends_with('\u{fffd}') && text.len() > 300_000);
}

#[test]
fn a_new_size_reaches_the_child_and_the_recording() {
    let session = Session::pty("trap 'stty size; exit' WINCH; echo up; while :; do sleep 0.02; done");
    let handle = session.start().unwrap();
    until(|| session.recorded(0, u64::MAX).contains("up").then_some(()));
    let mut peer = Peer::connect(&session.spec.socket).unwrap();
    peer.send(&ToKeeper::Resize { cols: 133, rows: 41 });
    peer.read_until("41 133");
    session.finish(handle);
    let mut sizes = replay(&session.spec.recording, 0, u64::MAX).unwrap();
    assert!(sizes.any(|piece| piece == Piece::Size { cols: 133, rows: 41 }));
}

#[test]
fn a_paste_into_a_stopped_child_blocks_nothing_and_arrives_later() {
    let size = 5_000_000;
    // Raw, as the programs that get pastes have it; line editing would drop what is beyond one line.
    let script = format!("stty raw -echo; echo up; head -c {size} | tr -d '\\n' | wc -c; echo end");
    let session = Session::pty(&script);
    let handle = session.start().unwrap();
    until(|| session.recorded(0, u64::MAX).contains("up").then_some(()));
    let mut peer = Peer::connect(&session.spec.socket).unwrap();
    peer.send(&ToKeeper::Signal(Signal::Pause));
    let began = Instant::now();
    for _ in 0..10 {
        peer.send(&ToKeeper::Input(vec![b'x'; size / 10]));
    }
    // Control still passes: it is heard behind five megabytes that nobody reads.
    peer.send(&ToKeeper::Resize { cols: 100, rows: 30 });
    until(|| {
        let mut pieces = replay(&session.spec.recording, 0, u64::MAX).unwrap();
        pieces.any(|piece| piece == Piece::Size { cols: 100, rows: 30 }).then_some(())
    });
    assert!(began.elapsed() < Duration::from_secs(5), "nothing was blocked");
    peer.send(&ToKeeper::Input(vec![b'y'; 15_000_000]));
    assert!(matches!(peer.next(), Some(FromKeeper::InputRefused { bytes: 15_000_000 })));
    peer.send(&ToKeeper::Signal(Signal::Continue));
    peer.read_until(&size.to_string());
    peer.read_until_exited();
    session.finish(handle);
}

#[test]
fn pause_stops_the_whole_tree_and_continue_repaints() {
    let script = "trap 'echo repaint $(stty size)' WINCH; sh -c 'while :; do sleep 0.01; done' & \
                  echo up; while :; do sleep 0.01; done";
    let session = Session::pty(script);
    let handle = session.start().unwrap();
    until(|| session.recorded(0, u64::MAX).contains("up").then_some(()));
    let mut peer = Peer::connect(&session.spec.socket).unwrap();
    peer.send(&ToKeeper::Signal(Signal::Pause));
    let state = |process: &Identity| {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.pid)).unwrap_or_default();
        stat.rsplit(')').next().unwrap_or_default().trim_start().chars().next()
    };
    until(|| {
        descendants(handle.keeper.pid)
            .iter()
            .all(|process| matches!(state(process), Some('T' | 'D')))
            .then_some(())
    });
    peer.send(&ToKeeper::Signal(Signal::Continue));
    peer.read_until("repaint 24 80");
    peer.send(&ToKeeper::Signal(Signal::Interrupt));
    assert_eq!(peer.read_until_exited().signal, Some(2), "the interrupt ended it");
    session.finish(handle);
}

#[test]
fn a_stopped_peer_stops_the_child_and_its_death_frees_it() {
    let session = Session::pty("head -c 20000000 /dev/zero | tr '\\0' x; echo; echo end");
    let handle = session.start().unwrap();
    let peer = Peer::connect(&session.spec.socket).unwrap();
    // This peer reads nothing: what is written stands still while its socket and the keeper's queue are full.
    let mut last = 0;
    until(|| {
        let now = std::fs::metadata(&session.spec.recording).unwrap().len();
        std::thread::sleep(Duration::from_millis(100));
        let still = now == last && now > 100_000;
        last = now;
        still.then_some(())
    });
    assert!(last < 19_000_000, "the child is held back, not buffered: {last}");
    drop(peer);
    let (exit, text) = session.finish(handle);
    assert_eq!(exit.exit.code, Some(0));
    assert!(text.ends_with("end\r\n") && text.len() > 20_000_000);
}

#[test]
fn being_asked_to_stop_ends_the_session_properly() {
    let session = Session::pty("trap '' TERM HUP; echo up; while :; do sleep 0.05; done");
    let handle = session.start().unwrap();
    until(|| session.recorded(0, u64::MAX).contains("up").then_some(()));
    assert!(handle.keeper.signal(rustix::process::Signal::HUP), "a hang-up says nothing to it");
    assert!(handle.keeper.signal(rustix::process::Signal::TERM));
    let (exit, _) = session.finish(handle);
    assert_eq!(exit.exit.signal, Some(9));
}

#[test]
fn an_open_input_gets_the_file_then_what_is_sent_and_ends_when_it_is_told_to() {
    let mut session =
        Session::pipes("read a; echo \"first $a\"; read b; echo \"then $b\"; cat; echo over; exit 4");
    let file = session.dir.path().join("input");
    std::fs::write(&file, "from the file\n").unwrap();
    (session.spec.stdin_file, session.spec.stdin_open) = (Some(file), true);
    let handle = session.start().unwrap();
    let mut peer = Peer::connect(&session.spec.socket).unwrap();
    // More than a pipe holds, to a child that reads it in its own time.
    let long = "x".repeat(300_000);
    peer.send(&ToKeeper::Input(format!("a peer\n{long}\n").into_bytes()));
    peer.send(&ToKeeper::CloseInput);
    assert_eq!(peer.read_until_exited().code, Some(4));
    drop(peer);
    let (_, text) = session.finish(handle);
    let whole = text == format!("first from the file\nthen a peer\n{long}\nover\n");
    assert!(whole, "{} bytes came", text.len());
}
