//! The table is whole, keys read in every form, and a person's mistakes are named.

use crossterm::event::{KeyCode, KeyModifiers};

use super::*;

fn press(text: &str) -> KeyEvent {
    let code = match text {
        "enter" => KeyCode::Enter,
        "esc" => KeyCode::Esc,
        other => KeyCode::Char(other.chars().next().unwrap()),
    };
    KeyEvent::new(code, KeyModifiers::NONE)
}

fn overrides(pairs: &[(&str, &[&str])]) -> BTreeMap<String, Vec<String>> {
    pairs
        .iter()
        .map(|(name, keys)| ((*name).to_owned(), keys.iter().map(|k| (*k).to_owned()).collect()))
        .collect()
}

fn complaints(pairs: &[(&str, &[&str])]) -> Vec<String> {
    let told = |problem: &KeymapProblem| format!("{problem} ({})", problem.hint().unwrap_or_default());
    Keymap::with(&overrides(pairs)).unwrap_err().iter().map(told).collect()
}

#[test]
fn the_embedded_table_is_right_and_names_every_action() {
    let entries = table::read(include_str!("default.toml")).unwrap();
    for (name, action) in action::NAMES {
        assert!(entries.iter().any(|entry| entry.action == *action), "no row for {name}");
    }
    let mut names: Vec<_> = entries.iter().map(|entry| entry.name.clone()).collect();
    names.sort();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all, "a name stands for one row only");
    assert_eq!(Keymap::default().conflicts(), []);
    assert_eq!(Keymap::default().missing(), []);
}

#[test]
fn keys_read_in_every_form_and_come_back_as_written() {
    for text in
        ["a", "A", "space", "ctrl-q", "alt-enter", "shift-tab", "f1", "$", "/", "[", "minus", "ctrl-alt-x"]
    {
        assert_eq!(text.parse::<Key>().unwrap().to_string(), text);
    }
    assert_eq!("C-q".parse::<Key>(), "ctrl-q".parse());
    assert_eq!("shift-a".parse::<Key>(), "A".parse());
    assert_eq!("PgDn".parse::<Key>(), "pagedown".parse());
    for bad in ["", "ctrl-", "hyper-x", "enterr", "f25"] {
        assert!(bad.parse::<Key>().is_err(), "{bad}");
    }
}

#[test]
fn terminals_that_report_a_key_differently_mean_the_same() {
    let keymap = Keymap::default();
    let approve =
        |code, modifiers| keymap.lookup(Context::Main, &KeyEvent::new(code, modifiers)).map(|hit| hit.action);
    let restart = Some(Action::Session(SessionAct::Restart));
    assert_eq!(approve(KeyCode::Char('R'), KeyModifiers::SHIFT), restart);
    assert_eq!(approve(KeyCode::Char('R'), KeyModifiers::NONE), restart);
    assert_eq!(approve(KeyCode::Char('r'), KeyModifiers::SHIFT), restart);
    assert_eq!(approve(KeyCode::BackTab, KeyModifiers::SHIFT), Some(Action::Show(Show::PreviousView)));
}

#[test]
fn contexts_are_asked_from_the_inside_out() {
    let keymap = Keymap::default();
    let action = |context, key| keymap.lookup(context, &press(key)).map(|hit| hit.action);
    assert_eq!(action(Context::Main, "d"), Some(Action::Show(Show::Diff)));
    assert_eq!(action(Context::Welcome, "d"), Some(Action::Run(RunAct::Demo)));
    assert_eq!(action(Context::Welcome, "?"), Some(Action::Show(Show::Help)));
    assert_eq!(action(Context::View, "a"), Some(Action::Task(TaskAct::Approve)));
    assert_eq!(action(Context::Terminal, "a"), None);
    assert_eq!(action(Context::Confirm, "a"), None);
    assert_eq!(keymap.lookup(Context::Main, &press("3")).map(|hit| hit.nth), Some(2));
}

#[test]
fn a_persons_keys_replace_the_tables() {
    let keymap = Keymap::with(&overrides(&[("approve", &["y", "f5"]), ("leave", &["ctrl-a"])])).unwrap();
    assert_eq!(keymap.key_of(Context::Main, Action::Task(TaskAct::Approve)), "y");
    assert_eq!(keymap.lookup(Context::Main, &press("a")), None);
    assert_eq!(keymap.key_of(Context::Terminal, Action::Session(SessionAct::Leave)), "ctrl-a");
}

#[test]
fn mistakes_are_all_named_at_once() {
    assert_eq!(complaints(&[("aprove", &["y"])]), ["unknown action (did you mean `approve`?)"]);
    assert_eq!(complaints(&[("xyzzy", &["y"])]), ["unknown action (`loopmon keys` lists the actions)"]);
    assert_eq!(
        complaints(&[("approve", &["d"])]),
        ["`d` is also the key of `approve` (give one of them another key)"]
    );
    assert_eq!(complaints(&[("leave", &[])]), ["`leave` needs a key (without one it could never be left)"]);
    assert_eq!(complaints(&[("leave", &["entre"])]), ["`entre` is not a key (did you mean `enter`?)"]);
    let two = complaints(&[("retry", &["hyper-r"]), ("zoom", &["nokey"])]);
    assert_eq!(two.len(), 2, "{two:?}");
    for swap in [&[("approve", &["d"] as &[_]), ("diff", &["a"])][..], &[("approve", &["y", "y"])]] {
        assert!(Keymap::with(&overrides(swap)).is_ok(), "no conflict: {swap:?}");
    }
}

#[test]
fn the_nearest_key_is_named() {
    let hint = |text: &str| text.parse::<Key>().unwrap_err().hint();
    for (wrong, right) in [
        ("crtl-q", "ctrl-q"),
        ("ctrl-spcae", "ctrl-space"),
        ("Ctlr-Alt-Entr", "ctrl-alt-enter"),
        ("page-up", "pageup"),
        ("shfit-tab", "shift-tab"),
        ("Ctrl+Q", "ctrl-q"),
        ("<C-q>", "ctrl-q"),
        (" f1", "f1"),
    ] {
        assert_eq!(hint(wrong), format!("did you mean `{right}`?"));
    }
    assert!(hint("wrong-x").starts_with("write it as"), "{}", hint("wrong-x"));
}
