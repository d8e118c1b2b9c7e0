//! Themes: every shipped one is whole, and each mistake is named with its line.

use ratatui::style::{Color, Modifier};

use super::*;

fn own(text: &str) -> Themes {
    Themes::new([("mine".to_owned(), text.to_owned())])
}

fn complaints(text: &str) -> Vec<String> {
    own(text).load("mine").unwrap_err().iter().map(ToString::to_string).collect()
}

fn complaint(text: &str) -> String {
    let mut all = complaints(text);
    assert_eq!(all.len(), 1, "{all:#?}");
    all.remove(0)
}

#[test]
fn every_shipped_theme_loads_and_describes_itself() {
    let (good, bad) = Themes::default().load_all();
    assert_eq!(bad, []);
    assert_eq!(good.len(), SHIPPED.len());
    assert_eq!(good[0].name(), DEFAULT);
    for theme in good {
        assert!(!theme.about().is_empty(), "{}", theme.name());
    }
}

#[test]
fn every_shipped_theme_tells_need_apart_from_what_runs_and_waits() {
    for theme in Themes::default().load_all().0 {
        let need = theme.style(Role::Need).fg;
        for role in [Role::Run, Role::Wait, Role::Ok, Role::Text, Role::Dim, Role::Border] {
            assert_ne!(theme.style(role).fg, need, "{} {}", theme.name(), role.name());
        }
        let selected = theme.style(Role::Selection);
        assert!(
            selected.bg.is_some() || selected.add_modifier.contains(Modifier::REVERSED),
            "{}",
            theme.name()
        );
    }
}

#[test]
fn a_child_overrides_single_roles_and_recolours_by_palette() {
    let theme = own(
        "about = \"x\"\ninherits = \"nord\"\n[palette]\nnord8 = \"#010203\"\n[roles]\nok = { fg = \"green\", bold = true }\ndiff.add = \"10\"\n",
    );
    let theme = theme.load("mine").unwrap();
    let nord = Themes::default().load("nord").unwrap();
    assert_eq!(theme.style(Role::Ok), Style::new().fg(Color::Green).add_modifier(Modifier::BOLD));
    assert_eq!(theme.style(Role::DiffAdd).fg, Some(Color::Indexed(10)));
    assert_eq!(theme.style(Role::Need), nord.style(Role::Need));
    assert_eq!(theme.style(Role::Accent).fg, Some(Color::Rgb(1, 2, 3)));
}

#[test]
fn mistakes_are_named_with_their_line_and_the_nearest_right_word() {
    assert_eq!(
        complaint("about = \"x\"\n[roles]\nneeed = \"red\"\n"),
        "theme `mine` line 3: unknown role `neeed` (did you mean `need`?)"
    );
    assert_eq!(
        complaint("[roles]\ndiff.ad = \"red\"\n"),
        "theme `mine` line 2: unknown role `diff.ad` (did you mean `diff.add`?)"
    );
    assert_eq!(
        complaint("[roles]\n\nok = \"gren\"\n"),
        "theme `mine` line 3: unknown colour `gren` (did you mean `green`?)"
    );
    let colour = complaint("[palette]\nsea = \"#12345\"\n");
    assert!(colour.starts_with("theme `mine` line 2: unknown colour `#12345` (a colour is"), "{colour}");
    assert_eq!(
        complaint("[roles]\nok = { fg = \"green\", bolt = true }\n"),
        "theme `mine` line 2: unknown attribute `bolt` (did you mean `bold`?)"
    );
    assert_eq!(complaint("colour = 1\n"), "theme `mine` line 1: unknown key `colour`");
    assert_eq!(
        complaint("[roles]\nok = 3\n"),
        "theme `mine` line 2: `ok` must be a colour or a table of fg, bg and attributes"
    );
    assert!(complaint("[roles\n").starts_with("theme `mine` line 1: "));
}

#[test]
fn every_mistake_of_a_theme_is_told_at_once_with_its_place() {
    let text = "abuot = \"x\"\n[palette]\nsea = \"gren\"\n[roles]\n  neeed = \"red\"\nok = { fg = \"bleu\", bolt = true }\nrun = 3\n";
    let errors = own(text).load("mine").unwrap_err();
    let places: Vec<_> = errors.iter().filter_map(|error| error.place).collect();
    assert_eq!(places, [(1, 1), (3, 7), (5, 3), (6, 13), (6, 21), (7, 7)], "{errors:#?}");
    let themes = Themes::new([
        ("base".to_owned(), "[roles]\nneeed = \"red\"".to_owned()),
        ("child".to_owned(), "inherits = \"base\"".to_owned()),
    ]);
    let (good, bad) = themes.load_all();
    assert_eq!((good.len(), bad.len()), (SHIPPED.len(), 1), "{bad:#?}");
}

#[test]
fn unknown_parents_and_circles_are_refused() {
    let themes = Themes::new([
        ("a".to_owned(), "inherits = \"b\"".to_owned()),
        ("b".to_owned(), "inherits = \"a\"".to_owned()),
        ("c".to_owned(), "inherits = \"nrod\"".to_owned()),
    ]);
    let told = |name| themes.load(name).unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(told("a"), ["theme `b` line 1: inherits itself by way of `a`"]);
    assert_eq!(told("c"), ["theme `c` line 1: there is no theme \"nrod\" (did you mean `nord`?)"]);
    assert_eq!(told("nrod"), ["theme `nrod`: there is no theme \"nrod\" (did you mean `nord`?)"]);
}

#[test]
fn fewer_colours_keep_the_hue_and_none_leaves_weight() {
    let theme = Themes::default().load("catppuccin-mocha").unwrap();
    let sixteen = theme.at(ColourDepth::Ansi16);
    assert_eq!(sixteen.style(Role::Need).fg, Some(Color::Red));
    assert_eq!(sixteen.style(Role::Ok).fg, Some(Color::Green));
    assert!(matches!(theme.at(ColourDepth::Ansi256).style(Role::Ok).fg, Some(Color::Indexed(16..))));
    let none = theme.at(ColourDepth::None);
    for role in Role::ALL {
        assert_eq!((none.style(role).fg, none.style(role).bg), (None, None));
    }
    assert!(none.style(Role::Selection).add_modifier.contains(Modifier::REVERSED));
    assert!(none.style(Role::Need).add_modifier.contains(Modifier::BOLD));
}

#[test]
fn the_depth_follows_the_usual_variables() {
    let depth = ColourDepth::detect;
    assert_eq!(depth(Some("1"), Some("truecolor"), Some("xterm-256color")), ColourDepth::None);
    assert_eq!(depth(Some(""), Some("truecolor"), None), ColourDepth::True);
    assert_eq!(depth(None, None, Some("screen-256color")), ColourDepth::Ansi256);
    assert_eq!(depth(None, None, Some("linux")), ColourDepth::Ansi16);
    assert_eq!(depth(None, None, Some("dumb")), ColourDepth::None);
}

#[test]
fn programs_can_be_told_what_is_behind_their_text() {
    let themes = Themes::default();
    let ground = |name: &str| themes.load(name).unwrap().ground();
    assert_eq!(ground("default"), [None, None], "the terminal's own");
    let [Some(text), Some(paper)] = ground("light") else { panic!("the light theme says what it is") };
    let brightness = |colour: [u8; 3]| colour.iter().map(|part| u32::from(*part)).sum::<u32>();
    assert!(brightness(paper) > brightness(text) + 300);
}
