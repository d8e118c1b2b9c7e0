//! The picture of the player: the recorded screen, what happened beside it, and where it stands below.
//!
//! Not for keys. Invariant: it draws into any size.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::player::Player;
use super::source::Mark;
use crate::term::Emulator;
use crate::theme::{ColourDepth, Role, Theme};
use crate::ui::program_style;

/// The narrowest list of what happened.
const LIST: u16 = 32;
/// What keys do.
const KEYS: [(&str, &str); 9] = [
    ("space", "play"),
    ("←→", "5 s"),
    ("[ ]", "speed"),
    (".", "step"),
    ("0-9", "go to"),
    ("/", "search"),
    ("i", "idle"),
    ("tab", "next"),
    ("q", "quit"),
];

/// Draws it all.
pub fn draw(player: &mut Player<'_>, (theme, depth): &(Theme, ColourDepth), frame: &mut Frame<'_>) {
    let area = frame.area();
    let buf = frame.buffer_mut();
    buf.set_style(area, theme.style(Role::Text));
    let below = area.height.min(2);
    let (screen, bottom) = split_below(area, below);
    let (cols, _) = player.loaded.film.screen().size();
    let room = screen.width.saturating_sub(cols.saturating_add(1));
    let has_list = room >= LIST && !player.loaded.marks.is_empty();
    let shown = if has_list { Rect { width: cols.min(screen.width), ..screen } } else { screen };
    let cursor = draw_screen(player.loaded.film.screen(), *depth, theme, shown, buf);
    if has_list {
        let list = Rect { x: screen.x + cols + 1, width: room, ..screen };
        draw_marks(&player.loaded.marks, player.loaded.film.now(), theme, list, buf);
    }
    draw_bottom(player, theme, bottom, buf);
    if let Some(cursor) = cursor {
        frame.set_cursor_position(cursor);
    }
}

fn split_below(area: Rect, below: u16) -> (Rect, Rect) {
    let height = area.height - below;
    (Rect { height, ..area }, Rect { y: area.y + height, height: below, ..area })
}

/// The recorded screen; of a larger one the part with the cursor. Where that stands, if it is shown.
fn draw_screen(
    emulator: &Emulator,
    depth: ColourDepth,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) -> Option<Position> {
    let (cols, rows) = emulator.size();
    let cursor = emulator.cursor();
    let least = |at: u16, side: u16| (at + 1).saturating_sub(side);
    let (left, top) = cursor.map_or((0, 0), |(col, row)| (least(col, area.width), least(row, area.height)));
    let ground = theme.style(Role::Text);
    for (row, y) in (top..rows).zip(area.top()..area.bottom()) {
        let mut col = 0;
        for cell in emulator.row(row) {
            let at = col;
            col += u16::from(cell.width);
            let Some(x) = at.checked_sub(left).map(|at| area.x.saturating_add(at)) else { continue };
            if x.saturating_add(u16::from(cell.width)) > area.right() {
                break;
            }
            let style = program_style(cell.style, ground, depth, true);
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
                cell.set_symbol("·").set_style(theme.style(Role::Border));
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
    let said = player.words();
    let words = said.as_deref().unwrap_or(&player.loaded.title);
    let role = if said.is_some() { Role::Wait } else { Role::Text };
    spans.push(Span::styled(format!("  {words}  "), theme.style(role)));
    let used: usize = spans.iter().map(Span::width).sum();
    for (key, does) in keys_within(usize::from(area.width).saturating_sub(used)) {
        spans.push(Span::styled(format!(" {key}"), theme.style(Role::Key)));
        spans.push(Span::styled(format!(" {does}"), theme.style(Role::Dim)));
    }
    buf.set_line(area.x, y, &Line::from(spans), area.width);
}

/// The keys that there is room for, whole ones only; the last, which leads out, stays longest.
fn keys_within(columns: usize) -> Vec<(&'static str, &'static str)> {
    let width = |(key, does): &(&str, &str)| Span::raw(*key).width() + does.len() + 2;
    let Some((out, others)) = KEYS.split_last() else { return Vec::new() };
    let mut room = columns.saturating_sub(width(out));
    let mut kept: Vec<_> = others
        .iter()
        .take_while(|key| {
            let fits = width(key) <= room;
            room -= if fits { width(key) } else { 0 };
            fits
        })
        .copied()
        .collect();
    kept.extend((width(out) <= columns).then_some(*out));
    kept
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
        let theme = (Theme::default(), ColourDepth::True);
        terminal.draw(|frame| draw(player, &theme, frame)).unwrap();
        terminal.backend().buffer().clone()
    }

    fn lines(buffer: &Buffer) -> Vec<String> {
        let area = *buffer.area();
        let line =
            |y| (0..area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..area.height).map(line).collect()
    }

    #[test]
    fn keys_are_named_whole_or_not_at_all_and_the_way_out_stays_longest() {
        assert_eq!(keys_within(200), KEYS);
        assert_eq!(keys_within(7), [("q", "quit")]);
        assert_eq!(keys_within(20), [("space", "play"), ("q", "quit")]);
        assert_eq!(keys_within(6), []);
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
