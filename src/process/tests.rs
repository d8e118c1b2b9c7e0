//! Tests of process trees and identities, with real processes.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::*;

const LIMIT: Duration = Duration::from_secs(10);

fn shell(script: &str) -> Child {
    Command::new("sh").args(["-c", script]).stdout(Stdio::piped()).process_group(0).spawn().unwrap()
}

/// Waits for the first line of the child: everything before it has happened.
fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.as_mut().unwrap()), &mut line)
        .unwrap();
    line
}

#[test]
fn descendants_and_ancestors_are_two_views_of_one_tree() {
    let mut child = shell("sh -c 'echo up; sleep 300 & wait' & wait");
    first_line(&mut child);
    let root = Identity::of(i32::try_from(child.id()).unwrap()).unwrap();
    // The sleep may be a moment behind the line.
    let mut below = descendants(root.pid);
    while below.len() < 2 {
        below = descendants(root.pid);
    }
    let leaf = below.last().unwrap();
    let above = ancestors(leaf.pid);
    assert!(above.contains(&root) && above.contains(&Identity::own().unwrap()));
    assert_eq!(kill_tree(root, LIMIT), []);
    assert!(below.iter().all(|process| !process.is_alive()));
    child.wait().unwrap();
}

#[test]
fn a_process_that_left_its_tree_is_found_by_its_marker() {
    let marker = format!("tests-{}", std::process::id());
    let mut child = Command::new("sh")
        .args(["-c", "setsid -f sh -c 'trap \"\" TERM HUP; echo up; sleep 300'"])
        .env(SESSION_MARKER, &marker)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    first_line(&mut child);
    child.wait().unwrap();
    assert!(!find_by_marker(SESSION_MARKER, &marker).is_empty());
    assert_eq!(kill_orphans(&marker, LIMIT), []);
    assert_eq!(find_by_marker(SESSION_MARKER, &marker), []);
}

#[test]
fn the_other_end_of_a_socket_is_this_process() {
    let (one, _two) = UnixStream::pair().unwrap();
    let peer = peer(&one).unwrap();
    assert_eq!(peer.pid, i32::try_from(std::process::id()).unwrap());
    assert!(is_own_user(&peer));
}

#[test]
fn a_file_is_replaced_whole_and_private() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("exit.json");
    write_atomic(&path, &serde_json::json!({"a": 1})).unwrap();
    write_atomic(&path, &serde_json::json!({"a": 2})).unwrap();
    assert!(std::fs::read_to_string(&path).unwrap().contains('2'));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_program_that_is_no_keeper_is_an_error_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let missing = spawn_keeper(&dir.path().join("none"), dir.path(), &[], LIMIT);
    assert!(matches!(missing, Err(SpawnError::Io { action: "run", .. })));
    let mute = spawn_keeper(std::path::Path::new("/bin/true"), dir.path(), &[], LIMIT);
    assert!(matches!(mute, Err(SpawnError::Died(_))));
}

#[test]
fn an_environment_that_its_starter_did_not_give_whole_is_none() {
    let given = [("HOME".to_owned(), "/home/ann".to_owned()), ("KEY".to_owned(), "secret".to_owned())];
    let bytes = serde_json::to_vec(&given).unwrap();
    assert_eq!(read_environment(&bytes[..]).unwrap(), given);
    assert!((0..bytes.len()).all(|cut| read_environment(&bytes[..cut]).is_err()));
}
