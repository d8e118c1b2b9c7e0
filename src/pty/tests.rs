//! Tests of pseudo-terminals, with real ones.

use rustix::event::{PollFd, PollFlags, poll};

use super::*;

fn program(argv: &[&str]) -> Program {
    Program {
        argv: argv.iter().map(|&part| part.to_owned()).collect(),
        env: vec![
            ("PATH".into(), "/usr/bin:/bin".into()),
            ("MARK".into(), "ü 1".into()),
            ("SHELL".into(), "/bin/sh".into()),
        ],
        cwd: "/".into(),
    }
}

fn read_to_end(line: &Line) -> String {
    let (mut all, mut buffer) = (Vec::new(), [0u8; 4096]);
    loop {
        poll(&mut [PollFd::new(line, PollFlags::IN)], None).unwrap();
        match line.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => all.extend_from_slice(&buffer[..read]),
            Err(error) => assert_eq!(error.kind(), io::ErrorKind::WouldBlock),
        }
    }
    rustix::process::waitpid(Pid::from_raw(line.child()), rustix::process::WaitOptions::empty()).unwrap();
    String::from_utf8(all).unwrap()
}

#[test]
fn the_child_has_the_size_directory_and_environment_it_was_given() {
    let script = "stty size; pwd; env | sort | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD=";
    let line = open_pty(&program(&["sh", "-c", script]), 91, 17).unwrap();
    assert_eq!(read_to_end(&line), "17 91\r\n/\r\nMARK=ü 1\r\nPATH=/usr/bin:/bin\r\nSHELL=/bin/sh\r\n");
}

#[test]
fn pipes_merge_output_and_errors_and_read_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let input = dir.path().join("in");
    std::fs::write(&input, "given\n").unwrap();
    let line =
        open_pipes(&program(&["sh", "-c", "cat; echo wrong >&2; echo $MARK"]), Stdin::File(&input)).unwrap();
    assert_eq!(read_to_end(&line), "given\nwrong\nü 1\n");
    let line = open_pipes(&program(&["cat"]), Stdin::Null).unwrap();
    assert_eq!(read_to_end(&line), "", "without a file there is nothing to read");
}

#[test]
fn each_way_to_fail_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("script");
    std::fs::write(&script, "#!/no/such/interpreter -x\n").unwrap();
    let script = script.to_str().unwrap();
    let reason = |argv: &[&str], cwd: &str| {
        open_pty(&Program { cwd: cwd.into(), ..program(argv) }, 80, 24).unwrap_err().to_string()
    };
    assert_eq!(reason(&["no-such-program"], "/"), "start no-such-program: it is not in PATH");
    assert_eq!(reason(&["/"], "/"), "start /: it is a directory");
    assert_eq!(reason(&[script], "/"), format!("start {script}: it is not executable"));
    std::fs::set_permissions(script, std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(reason(&[script], "/").ends_with("its interpreter /no/such/interpreter: there is no such file"));
    assert!(
        reason(&["sh"], "/no/such/place")
            .starts_with("enter the working directory /no/such/place: No such file")
    );
    assert!(reason(&["sh"], "/etc/passwd").ends_with("it is not a directory"));
    assert_eq!(reason(&[], "/"), "start a program without a name");
}
