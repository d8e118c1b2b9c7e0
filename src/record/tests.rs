//! Tests of recordings: what was written is read back, cut or whole.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use proptest::prelude::*;

use super::*;

fn start() -> Start {
    Start { cols: 80, rows: 24, title: "a title".into(), timestamp: 1_800_000_000 }
}

fn output_of(path: &Path, from: u64, to: u64) -> String {
    let text = |piece| if let Piece::Output { data, .. } = piece { Some(data) } else { None };
    replay(path, from, to).unwrap().filter_map(text).collect()
}

#[test]
fn what_was_recorded_reads_back_with_sizes_in_their_places() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.cast");
    let mut recorder = Recorder::create(&path, 0, start()).unwrap();
    assert_eq!(recorder.output(b"one \x1b[31m\"red\"\r\n"), "one \x1b[31m\"red\"\r\n");
    recorder.resize(100, 30);
    recorder.output("grün 漢".as_bytes());
    let (header, events) = read(&path).unwrap();
    assert_eq!((header.cols, header.rows, header.offset), (80, 24, 0));
    assert_eq!(header.title.as_deref(), Some("a title"));
    let events: Vec<_> = events.map(|event| (event.kind, event.data)).collect();
    let expected = [
        (Kind::Output, "one \x1b[31m\"red\"\r\n".to_owned()),
        (Kind::Resize, "100x30".to_owned()),
        (Kind::Output, "grün 漢".to_owned()),
    ];
    assert_eq!(events, expected);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_character_cut_by_a_chunk_is_recorded_once_and_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.cast");
    let mut recorder = Recorder::create(&path, 0, start()).unwrap();
    let bytes = "a漢b".as_bytes();
    let mut sent = String::new();
    for byte in bytes {
        sent.push_str(recorder.output(std::slice::from_ref(byte)));
    }
    sent.push_str(recorder.output(b"\xff\xe6"));
    sent.push_str(recorder.finish());
    assert_eq!(sent, "a漢b\u{fffd}\u{fffd}");
    assert_eq!(recorder.offset(), sent.len() as u64);
    assert_eq!(output_of(&path, 0, u64::MAX), sent);
}

#[test]
fn rotation_keeps_the_newest_two_files_and_the_offsets() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.cast");
    let mut recorder = Recorder::create(&path, 400, start()).unwrap();
    let mut all = String::new();
    for number in 0..100 {
        all.push_str(recorder.output(format!("line {number}\r\n").as_bytes()));
    }
    assert_eq!(recorder.offset(), all.len() as u64);
    let pieces: Vec<_> = replay(&path, 0, u64::MAX).unwrap().collect();
    let kept = output_of(&path, 0, u64::MAX);
    assert!(all.ends_with(&kept) && kept.len() < all.len());
    for piece in &pieces {
        if let Piece::Output { offset, data } = piece {
            assert!(all[usize::try_from(*offset).unwrap()..].starts_with(data.as_str()));
        }
    }
    let files: Vec<_> = std::fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(files.len(), 2, "the newest two are kept");
}

#[test]
fn a_recording_takes_no_more_than_its_limit_and_is_its_owners_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.cast");
    // Something that others may read lies there.
    std::fs::write(&path, "old").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let limit = 20_000;
    let mut recorder = Recorder::create(&path, limit, start()).unwrap();
    for number in 0..300 {
        recorder.output("\u{1b}[31mé\"\r\n".repeat(1 + number % 40).as_bytes());
        let sizes = [&path, &rotated(&path)].map(|path| std::fs::metadata(path).map_or(0, |file| file.len()));
        assert!(sizes.iter().sum::<u64>() <= limit, "{sizes:?} after {number}");
    }
    assert!(recorder.offset() > limit, "it went round");
    for path in [&path, &rotated(&path)] {
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{path:?}");
    }
    assert_eq!(recorder.lost(), 0);
    // A single piece that is longer than all that may be kept is kept, alone.
    recorder.output(&[b'x'; 50_000]);
    recorder.output(b"y");
    let kept = output_of(&path, 0, u64::MAX);
    assert!(kept.ends_with("xy") && kept.len() == 50_001, "{}", kept.len());
}

#[test]
fn a_link_in_the_place_of_a_recording_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let (path, target) = (dir.path().join("s.cast"), dir.path().join("target"));
    std::fs::write(&target, "mine").unwrap();
    std::os::unix::fs::symlink(&target, &path).unwrap();
    assert!(matches!(Recorder::create(&path, 0, start()), Err(RecordError::Io { .. })));
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "mine");
}

/// What asciinema's own player takes: https://docs.asciinema.org/manual/asciicast/v2/.
#[test]
fn each_line_is_as_the_asciicast_specification_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.cast");
    let mut recorder = Recorder::create(&path, 0, start()).unwrap();
    recorder.output(b"\x00\x07\xff\"\\\r\n\x1b[m\x7f");
    recorder.resize(90, 33);
    recorder.output("\u{2028}👍🏽".as_bytes());
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.ends_with('\n') && text.lines().count() == 4);
    let mut lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let header = lines.next().unwrap();
    assert_eq!(header["version"], 2);
    assert!(header["width"].is_u64() && header["height"].is_u64() && header["timestamp"].is_u64());
    assert_eq!(header["title"], "a title");
    let mut before = 0.0;
    for event in lines {
        let [time, code, data] = event.as_array().unwrap().as_slice() else { panic!("{event}") };
        assert!(time.as_f64().unwrap() >= before && time.as_f64().unwrap() < 60.0);
        before = time.as_f64().unwrap();
        assert!(matches!(code.as_str(), Some("o" | "r")) && data.is_string());
    }
}

#[test]
fn a_tape_has_everything_in_order_and_says_what_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.cast");
    let header = |offset: u64| {
        format!("{{\"version\":2,\"width\":80,\"height\":24,\"loopmon\":{{\"offset\":{offset}}}}}\n")
    };
    std::fs::write(rotated(&path), header(100) + "[1.0,\"o\",\"abc\"]\n[2.0,\"o\",\"d").unwrap();
    std::fs::write(&path, header(110) + "[3.0,\"o\",\"xyz\"]\n[2.5,\"r\",\"90x20\"]\n").unwrap();
    let tape = Tape::load(&path).unwrap();
    assert_eq!(tape.missing, 107, "the first hundred, and seven between the files");
    let expected = [
        (1.0, What::Output("abc".into())),
        (3.0, What::Size(80, 24)),
        (3.0, What::Output("xyz".into())),
        (3.0, What::Size(90, 20)),
    ];
    let moments: Vec<_> = tape.moments.into_iter().map(|moment| (moment.time, moment.what)).collect();
    assert_eq!(moments, expected, "time does not go back");
    // The same beginning twice is a rotation that came between; a later one is another file's.
    std::fs::write(rotated(&path), header(110) + "[1.0,\"o\",\"abc\"]\n").unwrap();
    assert_eq!(Tape::load(&path).unwrap().moments.len(), 2);
}

#[test]
fn output_is_cut_at_the_asked_offsets() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.cast");
    let mut recorder = Recorder::create(&path, 0, start()).unwrap();
    recorder.output(b"0123456789");
    recorder.output(b"abc");
    assert_eq!(output_of(&path, 4, 11), "456789a");
    assert_eq!(output_of(&path, 10, 10), "");
    assert_eq!(output_of(&path, 13, u64::MAX), "");
}

#[test]
fn torn_and_foreign_lines_are_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("foreign.cast");
    let text = concat!(
        "{\"version\": 3, \"term\": {\"cols\": 10, \"rows\": 5, \"type\": \"xterm\"}}\n",
        "# a comment\n",
        "[1.0, \"o\", \"a\"]\n",
        "[0.5, \"x\", \"0\"]\n",
        "[0.25, \"m\", \"here\"]\n",
        "[1.0, \"o\", \"to"
    );
    std::fs::write(&path, text).unwrap();
    let (header, events) = read(&path).unwrap();
    assert_eq!((header.version, header.cols, header.rows), (3, 10, 5));
    let events: Vec<_> = events.map(|event| (event.time, event.kind)).collect();
    assert_eq!(events, [(1.0, Kind::Output), (1.5, Kind::Other), (1.75, Kind::Marker)]);
    std::fs::write(&path, "not a recording\n").unwrap();
    assert!(matches!(read(&path), Err(RecordError::NoHeader { .. })));
}

#[test]
fn a_header_that_cannot_be_used_is_told_with_what_is_wrong_and_what_helps() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.cast");
    for (header, wanted) in [
        ("", "but is empty"),
        ("no json", "does not start with an asciicast header"),
        ("[1, \"o\", \"x\"]", "{\"version\": 2, \"width\": 80, \"height\": 24}"),
        ("{\"width\": 80}", "names no version"),
        ("{\"version\": 1, \"width\": 80, \"height\": 24}", "its version is 1, and 2 and 3 can be read"),
        ("{\"version\": 1}", "`asciinema convert`"),
        ("{\"version\": \"x\"}", "its version is \"x\""),
        ("{\"version\": 2, \"height\": 24}", "names no width"),
        ("{\"version\": 2, \"width\": 80}", "names no height"),
        ("{\"version\": 2, \"width\": 0, \"height\": 24}", "its width, 0, is no number from 1 to 10000"),
        ("{\"version\": 2, \"width\": 80, \"height\": 99999}", "its height, 99999,"),
        ("{\"version\": 2, \"width\": \"80\", \"height\": 24}", "its width, \"80\","),
        ("{\"version\": 3}", "names no cols: {\"version\": 3, \"term\""),
        ("{\"version\": 3, \"term\": {\"cols\": 80, \"rows\": -1}}", "its rows, -1,"),
    ] {
        std::fs::write(&path, format!("{header}\n")).unwrap();
        let told = Tape::load(&path).unwrap_err().to_string();
        assert!(told.contains("s.cast:1: ") && told.contains(wanted), "{header}: {told}");
    }
}

#[test]
fn broken_lines_of_a_tape_are_left_out_and_counted_and_nothing_but_such_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.cast");
    let header = "{\"version\": 2, \"width\": 80, \"height\": 24}\n";
    let load = |lines: &str| {
        std::fs::write(&path, format!("{header}{lines}")).unwrap();
        Tape::load(&path)
    };
    let tape =
        load("[1, \"o\", \"a\"]\n[2, \"o\"]\n[3, \"r\", \"0x9\"]\n[4, \"o\", \"b\"]\n[5, \"o").unwrap();
    assert_eq!((tape.moments.len(), tape.length()), (2, 4.0));
    let first = tape.broken.first.unwrap();
    assert_eq!((tape.broken.count, first.0), (2, 3), "{first:?}");
    assert_eq!(load("[1, \"o\"]\n").unwrap_err().to_string().matches("s.cast:2: it is no event").count(), 1);
    assert_eq!(load("").unwrap().moments.len(), 0);
}

#[test]
fn a_disk_that_refuses_costs_its_bytes_and_nothing_else() {
    // Every write to this device fails as on a full disk.
    let full = Path::new("/dev/full");
    if !full.exists() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("s.cast");
    let mut recorder = Recorder::create(&path, 0, start()).unwrap();
    recorder.output(b"kept ");
    recorder.fail_from_now_on(std::fs::OpenOptions::new().write(true).open(full).unwrap());
    assert_eq!(recorder.output(b"lost "), "lost ", "the peer gets it all the same");
    assert_eq!(recorder.lost(), 5);
    recorder.output(b"kept again");
    assert_eq!(recorder.offset(), 20);
    let pieces: Vec<_> = replay(&path, 0, u64::MAX)
        .unwrap()
        .filter_map(
            |piece| if let Piece::Output { offset, data } = piece { Some((offset, data)) } else { None },
        )
        .collect();
    assert_eq!(pieces, [(0, "kept ".to_owned()), (10, "kept again".to_owned())]);
}

proptest! {
    #[test]
    fn chunks_change_nothing(bytes in prop::collection::vec(any::<u8>(), 0..400), step in 1usize..20) {
        let mut whole = String::new();
        let mut stream = Utf8Stream::default();
        stream.push(&bytes, &mut whole);
        stream.finish(&mut whole);
        prop_assert_eq!(&whole, &String::from_utf8_lossy(&bytes));
        let mut pieces = String::new();
        let mut stream = Utf8Stream::default();
        bytes.chunks(step).for_each(|piece| stream.push(piece, &mut pieces));
        stream.finish(&mut pieces);
        prop_assert_eq!(whole, pieces);
    }
}
