//! The picture of the player: the recorded screen, what happened beside it, and where it stands below.
//!
//! Not for keys. Invariant: it draws into any size.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Widget};

use super::player::Player;
use super::source::Mark;
use crate::term::Emulator;
use crate::theme::{ColourDepth, Role, Theme};
use crate::ui::program_style;

/// The narrowest list of what happened.
const LIST: u16 = 32;
/// What keys do: in a word for the bottom line, and for the help. The last two are named as long as there is any room.
const KEYS: [Key; 10] = [
    Key { keys: "space", word: "play", does: "play or stop; at the end, from the beginning" },
    Key { keys: "←→", word: "5 s", does: "back and on by five seconds" },
    Key { keys: "[ ]", word: "speed", does: "half and twice the speed; shift with an arrow too" },
    Key { keys: ".", word: "step", does: "on to what happens next" },
    Key { keys: "0-9", word: "go to", does: "to that tenth; home and end go there" },
    Key { keys: "/", word: "search", does: "to where a text comes up; n to the next" },
    Key { keys: "i", word: "idle", does: "wait as long as it was, or no longer than a little" },
    Key { keys: "tab", word: "next", does: "the next recording; shift-tab the one before" },
    Key { keys: "?", word: "help", does: "this; esc closes it, and stops what takes its time" },
    Key { keys: "q", word: "quit", does: "leave; so does esc" },
];
/// Columns of a title that say anything.
const LEAST_TITLE: usize = 4;
/// Columns of the keys in the help.
const KEY_COLUMNS: u16 = 8;

/// A key.
#[derive(Debug, PartialEq)]
struct Key {
    keys: &'static str,
    word: &'static str,
    does: &'static str,
}

impl Key {
    /// Columns on the bottom line.
    fn width(&self) -> usize {
        Span::raw(self.keys).width() + self.word.len() + 2
    }
}

/// How it is drawn on this terminal.
#[derive(Debug, Default)]
pub struct Look {
    /// The theme.
    pub theme: Theme,
    /// How many colours there are.
    pub depth: ColourDepth,
    /// Whether lines under text may be curly, and have colours.
    pub underlines: bool,
}

/// Draws it all.
pub fn draw(player: &mut Player<'_>, look: &Look, frame: &mut Frame<'_>) {
    let theme = &look.theme;
    let area = frame.area();
    let buf = frame.buffer_mut();
    buf.set_style(area, theme.style(Role::Text));
    let below = area.height.min(2);
    let (screen, bottom) = split_below(area, below);
    let (cols, _) = player.loaded.film.screen().size();
    let room = screen.width.saturating_sub(cols.saturating_add(1));
    let has_list = room >= LIST && !player.loaded.marks.is_empty();
    let shown = if has_list { Rect { width: cols.min(screen.width), ..screen } } else { screen };
    let cursor = draw_screen(player.loaded.film.screen(), look, shown, buf);
    if has_list {
        let list = Rect { x: screen.x + cols + 1, width: room, ..screen };
        draw_marks(&player.loaded.marks, player.loaded.film.now(), theme, list, buf);
    }
    draw_bottom(player, theme, bottom, buf);
    if player.helps {
        draw_help(theme, screen, buf);
    } else if let Some(cursor) = cursor {
        frame.set_cursor_position(cursor);
    }
}

fn split_below(area: Rect, below: u16) -> (Rect, Rect) {
    let height = area.height - below;
    (Rect { height, ..area }, Rect { y: area.y + height, height: below, ..area })
}

/// The recorded screen; of a larger one the part with the cursor. Where that stands, if it is shown.
fn draw_screen(emulator: &Emulator, look: &Look, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let (cols, rows) = emulator.size();
    let cursor = emulator.cursor();
    let least = |at: u16, side: u16| (at + 1).saturating_sub(side);
    let (left, top) = cursor.map_or((0, 0), |(col, row)| (least(col, area.width), least(row, area.height)));
    let ground = look.theme.style(Role::Text);
    for (row, y) in (top..rows).zip(area.top()..area.bottom()) {
        let mut col = 0;
        for cell in emulator.row(row) {
            let at = col;
            col += u16::from(cell.width);
            let Some(x) = at.checked_sub(left).map(|at| area.x.saturating_add(at)) else { continue };
            if x.saturating_add(u16::from(cell.width)) > area.right() {
                break;
            }
            let style = program_style(cell.style, ground, look.depth, look.underlines);
            if let Some(target) = buf.cell_mut((x, y)) {
                target.set_symbol(cell.text).set_style(style);
            }
            if let Some(follower) = buf.cell_mut((x + 1, y)).filter(|_| cell.width == 2) {
                follower.set_symbol(" ").set_style(style);
            }
        }
    }
    // What the recorded terminal did not have is told apart from what it left empty.
    for y in area.top()..area.bottom() {
        let from = if y - area.y < rows.saturating_sub(top) { cols.saturating_sub(left) } else { 0 };
        for x in area.x.saturating_add(from)..area.right() {
            buf.cell_mut((x, y)).into_iter().for_each(|cell| {
                cell.set_symbol("·").set_style(look.theme.style(Role::Border));
            });
        }
    }
    let (col, row) = cursor?;
    let place = Position { x: area.x + col.checked_sub(left)?, y: area.y + row.checked_sub(top)? };
    area.contains(place).then_some(place)
}

/// What happened, the latest in the middle: it is come to, and what follows can be seen.
fn draw_marks(marks: &[Mark], now: f64, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let passed = marks.partition_point(|mark| mark.time <= now);
    let height = usize::from(area.height);
    let first = passed.saturating_sub(height.div_ceil(2)).min(marks.len().saturating_sub(height));
    for ((at, mark), y) in marks.iter().enumerate().skip(first).zip(area.top()..area.bottom()) {
        let role = match (at < passed, mark.own) {
            (true, true) => Role::Text,
            (true, false) | (false, _) => Role::Dim,
        };
        let is_latest = at + 1 == passed;
        let style = theme.style(if is_latest { Role::Accent } else { role });
        let line = Line::from(vec![
            Span::styled(
                format!("{} {:>7} ", if is_latest { "▶" } else { " " }, clock(mark.time)),
                theme.style(Role::Dim),
            ),
            Span::styled(mark.text.as_str(), style),
        ]);
        buf.set_line(area.x, y, &line, area.width);
    }
}

fn draw_bottom(player: &Player<'_>, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let film = &player.loaded.film;
    let (now, length) = (film.now(), film.length());
    if area.height > 1 {
        draw_bar(player, theme, Rect { height: 1, ..area }, buf);
    }
    let Some(y) = area.bottom().checked_sub(1).filter(|_| area.height > 0) else { return };
    if let Some(text) = &player.typing {
        buf.set_line(area.x, y, &Line::styled(format!("/{text}▏"), theme.style(Role::Accent)), area.width);
        return;
    }
    let state = match (player.playing, film.is_over()) {
        (true, _) => "▶",
        (false, true) => "■",
        (false, false) => "‖",
    };
    let mut spans = vec![
        Span::styled(format!(" {state} {} / {} ", clock(now), clock(length)), theme.style(Role::Badge)),
        Span::styled(format!(" {}x", player.speed), theme.style(Role::Accent)),
    ];
    if player.skips_idle {
        spans.push(Span::styled(format!(" · idle ≤ {} s", player.idle_limit), theme.style(Role::Dim)));
    }
    if player.count() > 1 {
        spans.push(Span::styled(
            format!(" · {} of {}", player.at + 1, player.count()),
            theme.style(Role::Dim),
        ));
    }
    let used: usize = spans.iter().map(Span::width).sum();
    let room = usize::from(area.width).saturating_sub(used);
    let said = player.words();
    let (text, role) = match &said {
        Some(words) => (words, Role::Wait),
        None => (&player.loaded.title, Role::Text),
    };
    let words = fit(text, words_within(room, said.is_some()));
    spans.push(Span::styled(format!("  {words}  "), theme.style(role)));
    let used = used + Span::raw(words).width() + 4;
    for Key { keys, word, .. } in keys_within(usize::from(area.width).saturating_sub(used)) {
        spans.push(Span::styled(format!(" {keys}"), theme.style(Role::Key)));
        spans.push(Span::styled(format!(" {word}"), theme.style(Role::Dim)));
    }
    buf.set_line(area.x, y, &Line::from(spans), area.width);
}

/// Columns of the words on the bottom line: what is said has the line but for the keys that lead on, a title leaves room
/// for playing too, unless nothing would be left of it.
fn words_within(room: usize, said: bool) -> usize {
    let width = |keys: &[Key]| keys.iter().map(Key::width).sum::<usize>() + 4;
    let last = width(KEYS.get(KEYS.len() - 2..).unwrap_or_default());
    let all = last + KEYS.first().map_or(0, Key::width);
    if said || room < all + LEAST_TITLE { room.saturating_sub(last) } else { room - all }
}

/// As much of a text as fits, with a sign where it is cut.
fn fit(text: &str, columns: usize) -> String {
    if Span::raw(text).width() <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if Span::raw(kept.as_str()).width() >= columns {
            kept.pop();
            break;
        }
    }
    if columns > 0 { kept + "…" } else { String::new() }
}

/// The keys that there is room for, whole ones only; the last ones stay longest.
fn keys_within(columns: usize) -> Vec<&'static Key> {
    let (others, last) = KEYS.split_at(KEYS.len() - 2);
    let mut room = columns;
    let mut fits = |key: &&Key| {
        let fits = key.width() <= room;
        room -= if fits { key.width() } else { 0 };
        fits
    };
    let mut out: Vec<&Key> = last.iter().rev().take_while(&mut fits).collect();
    out.reverse();
    let mut kept: Vec<&Key> = others.iter().take_while(&mut fits).collect();
    kept.append(&mut out);
    kept
}

/// What all keys do, over the recorded screen.
fn draw_help(theme: &Theme, screen: Rect, buf: &mut Buffer) {
    let widest = KEYS.iter().map(|key| Span::raw(key.does).width()).max().unwrap_or(0);
    let wanted = u16::try_from(widest).unwrap_or(u16::MAX).saturating_add(KEY_COLUMNS + 4);
    let (width, height) = (wanted.min(screen.width), (KEYS.len() as u16 + 2).min(screen.height));
    let (x, y) = (screen.x + (screen.width - width) / 2, screen.y + (screen.height - height) / 2);
    let place = Rect { x, y, width, height };
    Clear.render(place, buf);
    let style = theme.style(Role::Text);
    let frame = Block::bordered().title(" Keys ").style(style).border_style(theme.style(Role::Focus));
    let inside = frame.inner(place);
    frame.render(place, buf);
    for (key, y) in KEYS.iter().zip(inside.top()..inside.bottom()) {
        let does = fit(key.does, usize::from(inside.width.saturating_sub(KEY_COLUMNS + 1)));
        buf.set_line(
            inside.x + 1,
            y,
            &Line::styled(key.keys, theme.style(Role::Key)),
            inside.width.min(KEY_COLUMNS),
        );
        if inside.width > KEY_COLUMNS + 1 {
            buf.set_line(
                inside.x + 1 + KEY_COLUMNS,
                y,
                &Line::styled(does, style),
                inside.width - KEY_COLUMNS - 1,
            );
        }
    }
}

/// How far it is, with marks where something happened, and the latest of that in words where there is no list.
fn draw_bar(player: &Player<'_>, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let film = &player.loaded.film;
    let length = film.length().max(f64::MIN_POSITIVE);
    let last = f64::from(area.width.saturating_sub(1));
    let place = |time: f64| (time / length * last).round().clamp(0.0, last) as u16;
    let here = place(film.now());
    for x in 0..area.width {
        let (symbol, role) = if x <= here { ("━", Role::Accent) } else { ("─", Role::Border) };
        if let Some(cell) = buf.cell_mut((area.x + x, area.y)) {
            cell.set_symbol(symbol).set_style(theme.style(role));
        }
    }
    for mark in &player.loaded.marks {
        if let Some(cell) = buf.cell_mut((area.x + place(mark.time), area.y)) {
            cell.set_symbol(if mark.own { "◆" } else { "◇" });
        }
    }
    let passed = player.loaded.marks.partition_point(|mark| mark.time <= film.now());
    let latest = passed.checked_sub(1).and_then(|at| player.loaded.marks.get(at));
    if let Some(mark) = latest {
        let width = u16::try_from(mark.text.chars().count() + 2).unwrap_or(u16::MAX).min(area.width / 2);
        let x = if here > area.width / 2 { area.x } else { area.right().saturating_sub(width) };
        let line = Line::styled(format!(" {} ", mark.text), theme.style(Role::Text));
        buf.set_line(x, area.y, &line, width);
    }
}

/// A time as people read it: `1:05`, `1:02:03`.
fn clock(seconds: f64) -> String {
    let seconds = seconds.max(0.0) as u64;
    match seconds / 3600 {
        0 => format!("{}:{:02}", seconds / 60, seconds % 60),
        hours => format!("{hours}:{:02}:{:02}", seconds / 60 % 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use ratatui::style::Color;

    use std::path::Path;

    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::cli::replay::source::Source;
    use crate::ui::underline;

    fn source(dir: &Path) -> Source {
        let path = dir.join("s.cast");
        let lines = [
            "{\"version\": 2, \"width\": 20, \"height\": 3}",
            "[1, \"o\", \"one 漢 \\u001b[31mred\\u001b[m\"]",
            "[61, \"m\", \"halfway\"]",
            "[3700, \"o\", \"\\r\\nlast\"]",
        ];
        std::fs::write(&path, lines.join("\n")).unwrap();
        Source { path, title: "a title".to_owned(), session: None }
    }

    fn picture(player: &mut Player<'_>, width: u16, height: u16) -> Buffer {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        let look = Look { depth: ColourDepth::True, underlines: true, ..Look::default() };
        terminal.draw(|frame| draw(player, &look, frame)).unwrap();
        terminal.backend().buffer().clone()
    }

    fn lines(buffer: &Buffer) -> Vec<String> {
        let area = *buffer.area();
        let line =
            |y| (0..area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..area.height).map(line).collect()
    }

    #[test]
    fn keys_are_named_whole_or_not_at_all_and_help_and_the_way_out_stay_longest() {
        let named = |columns| keys_within(columns).iter().map(|key| key.keys).collect::<Vec<_>>();
        assert_eq!(named(200).len(), KEYS.len());
        assert_eq!(named(7), ["q"]);
        assert_eq!(named(14), ["?", "q"]);
        assert_eq!(named(26), ["space", "?", "q"]);
        assert_eq!(named(6), Vec::<&str>::new());
    }

    #[test]
    fn at_80_columns_the_keys_that_matter_are_there_however_long_the_title_is() {
        let dir = tempfile::tempdir().unwrap();
        let mut one = source(dir.path());
        one.title =
            "T14 · implement by claude · round 3 of a very long title that has no room here 漢字".to_owned();
        let sources = [one, source(dir.path())];
        let mut player = Player::new(dir.path(), &sources, 1.0, None).unwrap();
        let bottom = |player: &mut Player<'_>, width| lines(&picture(player, width, 24)).pop().unwrap();
        let shown = bottom(&mut player, 80);
        assert!(shown.contains("T14 ") && shown.contains('…') && shown.contains(" space play "), "{shown}");
        assert!(shown.ends_with("? help q quit"), "{shown}");
        player.said = Some("12 lines left out, the first is line 3: it is no event such as this".to_owned());
        let shown = bottom(&mut player, 80);
        assert!(shown.contains("12 lines left out") && shown.ends_with("? help q quit"), "{shown}");
    }

    #[test]
    fn help_lists_every_key_over_the_recording() {
        let dir = tempfile::tempdir().unwrap();
        let sources = [source(dir.path())];
        let mut player = Player::new(dir.path(), &sources, 1.0, None).unwrap();
        player.helps = true;
        let shown = lines(&picture(&mut player, 80, 24)).join("\n");
        for key in KEYS {
            assert!(shown.contains(key.does), "{shown}");
        }
        for (width, height) in [(0, 0), (1, 1), (5, 3), (9, 4), (12, 5), (30, 9)] {
            picture(&mut player, width, height);
        }
    }

    #[test]
    fn lines_under_and_over_text_are_shown_as_live() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.cast");
        let lines = [
            "{\"version\": 2, \"width\": 20, \"height\": 3}",
            "[0, \"o\", \"\\u001b[4:3;58:2::1:2:3mw\\u001b[m\\u001b[4:4md\\u001b[m\\u001b[53mo\\u001b[m.\"]",
        ];
        std::fs::write(&path, lines.join("\n")).unwrap();
        let sources = [Source { path, title: "t".to_owned(), session: None }];
        let mut player = Player::new(dir.path(), &sources, 1.0, None).unwrap();
        let buffer = picture(&mut player, 40, 6);
        let kind = |x: u16| underline::kind_of(buffer[(x, 0)].modifier);
        assert_eq!([kind(0), kind(1), kind(2)], [Some(3), Some(4), None]);
        assert_eq!(buffer[(0, 0)].underline_color, Color::Rgb(1, 2, 3));
        let over = |x: u16| buffer[(x, 0)].modifier.contains(underline::OVERLINE);
        assert_eq!([over(1), over(2), over(3)], [false, true, false]);
    }

    #[test]
    fn the_screen_the_marks_and_where_it_stands_are_told() {
        let dir = tempfile::tempdir().unwrap();
        let sources = [source(dir.path())];
        let mut player = Player::new(dir.path(), &sources, 2.0, None).unwrap();
        player.loaded.film.seek(100.0);
        let buffer = picture(&mut player, 64, 6);
        let shown = lines(&buffer);
        assert_eq!(shown[0], "one 漢  red           ▶    1:01 halfway");
        assert!(shown[3].starts_with("····················"), "{shown:?}");
        assert!(shown[4].starts_with("━◆━─"), "{shown:?}");
        assert!(shown[5].starts_with(" ▶ 1:40 / 1:01:40  2x · idle ≤ 2 s  a title"), "{shown:?}");
        assert_eq!(buffer[(8, 0)].fg, Color::Indexed(1));
        // Where there is no room for a list, the latest is told on the bar.
        let shown = lines(&picture(&mut player, 40, 6));
        assert!(shown[4].trim_end().ends_with("halfway"), "{shown:?}");
    }

    #[test]
    fn it_draws_into_any_size_and_shows_the_part_with_the_cursor() {
        let dir = tempfile::tempdir().unwrap();
        let sources = [source(dir.path())];
        let mut player = Player::new(dir.path(), &sources, 1.0, None).unwrap();
        player.loaded.film.seek(f64::MAX);
        for width in [0, 1, 2, 19, 20, 21, 52, 53, 200] {
            for height in [0, 1, 2, 3, 4, 50] {
                picture(&mut player, width, height);
            }
        }
        assert_eq!(lines(&picture(&mut player, 12, 3))[0], "last", "the row of the cursor is the second");
    }
}
