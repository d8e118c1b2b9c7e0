//! What programs print, from a seed: everything that the emulator knows, with likely, extreme and wrong parameters.
//!
//! Each case has habits of its own (few kinds of output, or many), so that what only goes wrong together meets.

use crate::case::{Case, Step};
use crate::chance::Chance;

/// Text that stands in what is printed, and may not be in an answer.
pub const MARKER: &str = "KwJqVzXy";

/// Kinds of output.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Unicode,
    Broken,
    Control,
    Csi,
    Sgr,
    Mode,
    Query,
    Garbage,
    Escape,
    Osc,
    Dcs,
    Long,
    Flood,
    Edge,
}

const KINDS: [(u64, Kind); 15] = [
    (20, Kind::Plain),
    (20, Kind::Unicode),
    (6, Kind::Broken),
    (16, Kind::Control),
    (24, Kind::Csi),
    (10, Kind::Sgr),
    (10, Kind::Mode),
    (5, Kind::Query),
    (4, Kind::Garbage),
    (12, Kind::Escape),
    (9, Kind::Osc),
    (4, Kind::Dcs),
    (1, Kind::Long),
    (1, Kind::Flood),
    (10, Kind::Edge),
];

/// The case of a seed.
pub fn case(seed: u64) -> Case {
    let mut writer = Writer { chance: Chance::new(seed), size: (20, 6) };
    let keep = 20 + writer.chance.below(81);
    let mut kinds: Vec<_> = KINDS.into_iter().filter(|_| writer.chance.percent(keep)).collect();
    if kinds.is_empty() {
        kinds = KINDS.to_vec();
    }
    let (cut, resize) = (writer.chance.below(60), writer.chance.below(8));
    let length = 1 + writer.chance.below(3) * writer.chance.below(90) + writer.chance.below(30);
    let mut steps = vec![writer.resize(true)];
    for _ in 0..length {
        let kind = writer.chance.weighted(&kinds);
        let token = writer.token(kind);
        writer.cut(token, cut, &mut steps);
        if writer.chance.percent(resize) {
            steps.push(writer.resize(false));
        }
        match writer.chance.below(40) {
            0 => steps.push(Step::Read),
            1 | 2 => steps.push(Step::Frame),
            _ => {}
        }
    }
    Case(steps)
}

struct Writer {
    chance: Chance,
    size: (u16, u16),
}

impl Writer {
    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        *self.chance.pick(of).unwrap()
    }

    fn resize(&mut self, first: bool) -> Step {
        let (mut side, large) = (|most| self.chance.below(most) as u16, if first { 0 } else { 3 });
        let size = match side(100) {
            0..25 => (2 + side(4), 2 + side(4)),
            25..70 => (2 + side(40), 2 + side(15)),
            70..97 => (40 + side(160), 10 + side(50)),
            at if at < 97 + large => match side(6) {
                0 => (1000, 1000),
                1 => (1000, 2),
                2 => (2, 1000),
                3 => (0, 0),
                4 => (1, 65535),
                _ => (65535, 1),
            },
            _ => (80, 24),
        };
        self.size = (size.0.clamp(2, 1000), size.1.clamp(2, 1000));
        Step::Resize(size.0, size.1)
    }

    /// A token as steps, cut anywhere, also within it.
    fn cut(&mut self, token: Vec<u8>, percent: u64, steps: &mut Vec<Step>) {
        if token.len() > 1 && self.chance.percent(percent) {
            let at = self.chance.below(token.len() as u64) as usize;
            let (before, after) = token.split_at(at);
            steps.extend([Step::Feed(before.to_vec()), Step::Cut, Step::Feed(after.to_vec())]);
        } else {
            steps.push(Step::Feed(token));
        }
        if self.chance.percent(percent / 2) {
            steps.push(Step::Cut);
        }
    }

    fn token(&mut self, kind: Kind) -> Vec<u8> {
        match kind {
            Kind::Plain => self.plain(),
            Kind::Unicode => self.unicode(),
            Kind::Broken => self.broken(),
            Kind::Control => self.control(),
            Kind::Csi => self.csi(),
            Kind::Sgr => self.sgr(),
            Kind::Mode => self.mode(),
            Kind::Query => self.query(),
            Kind::Garbage => self.garbage(),
            Kind::Escape => self.escape(),
            Kind::Osc => self.osc(),
            Kind::Dcs => self.dcs(),
            Kind::Long => self.long(),
            Kind::Flood => self.flood(),
            Kind::Edge => self.edge(),
        }
    }

    fn plain(&mut self) -> Vec<u8> {
        let length = match self.chance.below(4) {
            0 => 1 + self.chance.below(3),
            1 => u64::from(self.size.0),
            2 => self.chance.below(300),
            _ => self.chance.below(20),
        };
        let text: &[u8] = if self.chance.percent(30) { MARKER.as_bytes() } else { b"the quick brown fox " };
        text.iter().copied().cycle().take(length as usize).collect()
    }

    fn unicode(&mut self) -> Vec<u8> {
        const PARTS: [&str; 44] = [
            "é",
            "e\u{301}",
            "漢",
            "한",
            "ｱ",
            "\u{1100}\u{1161}",
            "각",
            "👍",
            "👍🏽",
            "🏽",
            "👨\u{200d}👩\u{200d}👧",
            "\u{200d}",
            "🏳\u{fe0f}\u{200d}🌈",
            "🇩🇪",
            "🇩",
            "🇪🇩🇪",
            "⚠\u{fe0f}",
            "⚠\u{fe0e}",
            "\u{fe0f}",
            "\u{fe0e}",
            "1\u{fe0f}\u{20e3}",
            "\u{20e3}",
            "❤\u{fe0f}\u{200d}🔥",
            "\u{301}",
            "\u{301}\u{302}\u{303}\u{304}\u{305}\u{306}\u{307}\u{308}",
            "\u{202e}",
            "\u{2066}x\u{2069}",
            "\u{feff}",
            "\u{200b}",
            "\u{ad}",
            "\u{a0}",
            "\u{fffd}",
            "\u{e0100}",
            "\u{e0101}\u{e0102}",
            "🏴\u{e0067}\u{e0062}\u{e007f}",
            "\u{9b}31m",
            "\u{85}",
            "\u{2028}",
            "שלום",
            "नि",
            "ไทยำ",
            "ﷺ",
            "𝒳",
            "\u{3000}",
        ];
        let most = if self.chance.percent(10) { 60 } else { 4 };
        let count = 1 + self.chance.below(most);
        let mut text = String::new();
        for _ in 0..count {
            match self.chance.below(20) {
                0 => text.extend(char::from_u32(self.chance.below(0x11_0000) as u32)),
                1 => text.extend(char::from_u32(0x300 + self.chance.below(0x70) as u32)),
                2 => text.push('x'),
                _ => text.push_str(self.one(&PARTS)),
            }
        }
        text.into_bytes()
    }

    fn broken(&mut self) -> Vec<u8> {
        const PARTS: [&[u8]; 14] = [
            b"\xff",
            b"\xc3",
            b"\xe6\xbc",
            b"\xf0\x9f\x91",
            b"\xf0\x9f",
            b"\x80",
            b"\xbf\xbf",
            b"\xc0\xaf",
            b"\xed\xa0\x80",
            b"\xf4\x90\x80\x80",
            b"\x9b31m",
            b"\x90\x9c",
            b"\xe2\x80",
            b"\xf3\xa0\x84",
        ];
        if self.chance.percent(70) {
            return self.one(&PARTS).to_vec();
        }
        (0..self.chance.below(12)).map(|_| self.chance.below(256) as u8).collect()
    }

    fn control(&mut self) -> Vec<u8> {
        const LIKELY: [&[u8]; 11] = [
            b"\r\n",
            b"\n",
            b"\r",
            b"\t",
            b"\x08",
            b"\x0b",
            b"\x0c",
            b"\x0e",
            b"\x0f",
            b"\x07",
            b"\n\n\n\n\n\n\n\n",
        ];
        match self.chance.below(5) {
            0 => vec![self.chance.below(32) as u8],
            1 => vec![self.one(b"\x7f\x00\x18\x1a\x05")],
            _ => self.one(&LIKELY).to_vec(),
        }
    }

    /// A number as a parameter: small, about the size of the screen, a limit, or too large for anything.
    fn number(&mut self) -> String {
        let side = if self.chance.percent(50) { self.size.0 } else { self.size.1 };
        match self.chance.below(12) {
            0 => String::new(),
            1 => "0".to_owned(),
            2..5 => (1 + self.chance.below(4)).to_string(),
            5..9 => (u64::from(side) + self.chance.below(4)).saturating_sub(2).to_string(),
            9 => self.chance.below(u64::from(side) + 1).to_string(),
            10 => self.one(&["255", "256", "999", "1000", "32767", "32768", "65535", "65536"]).to_owned(),
            _ => self
                .one(&["2147483648", "4294967295", "4294967296", "99999999999999999999", "-1", "00007"])
                .to_owned(),
        }
    }

    fn numbers(&mut self, most: u64) -> String {
        let numbers: Vec<String> = (0..self.chance.below(most + 1)).map(|_| self.number()).collect();
        numbers.join(if self.chance.percent(4) { ":" } else { ";" })
    }

    fn csi(&mut self) -> Vec<u8> {
        const FINALS: [&str; 46] = [
            "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M", "P", "S", "T", "X", "Z", "@",
            "`", "a", "b", "d", "e", "f", "g", "j", "k", "r", "s", "u", "x", "$x", "$z", "${", "$v", "'}",
            "'~", "*y", " q", "!p", "\"q", "#{", "#}", "$r", "$t",
        ];
        let private = if self.chance.percent(8) { self.one(&["?", ">", "<", "="]) } else { "" };
        let last = self.one(&FINALS);
        let most = if last.len() > 1 { 8 } else { 2 };
        format!("\x1b[{private}{}{last}", self.numbers(most)).into_bytes()
    }

    fn sgr(&mut self) -> Vec<u8> {
        const PARTS: [&str; 34] = [
            "",
            "0",
            "1",
            "2",
            "3",
            "4",
            "4:3",
            "4:0",
            "4:9",
            "5",
            "7",
            "8",
            "9",
            "21",
            "22",
            "24",
            "27",
            "29",
            "31",
            "39",
            "41",
            "48;5;200",
            "38;2;1;2;3",
            "38:2::9:8:7",
            "38:5:1",
            "48;2;1",
            "38;5",
            "58;5;9",
            "58:2::1:2:3",
            "59",
            "53",
            "55",
            "104",
            "49",
        ];
        let count = 1 + self.chance.below(4);
        let mut parts: Vec<String> = (0..count).map(|_| self.one(&PARTS).to_owned()).collect();
        if self.chance.percent(10) {
            parts.push(self.number());
        }
        format!("\x1b[{}m", parts.join(";")).into_bytes()
    }

    fn mode(&mut self) -> Vec<u8> {
        const PRIVATE: [&str; 32] = [
            "1", "3", "5", "6", "7", "9", "12", "25", "40", "45", "47", "66", "69", "1000", "1002", "1003",
            "1004", "1005", "1006", "1007", "1015", "1016", "1047", "1048", "1049", "2004", "2026", "2027",
            "2031", "2048", "1036", "5522",
        ];
        let last = self.one(&["h", "l", "h", "l", "s", "r", "$p"]);
        match self.chance.below(5) {
            0 => format!("\x1b[{}{}", self.one(&["4", "20", "2", "12", "4;20"]), self.one(&["h", "l", "$p"])),
            1 => format!("\x1b[?{};{}{last}", self.one(&PRIVATE), self.one(&PRIVATE)),
            2 => format!("\x1b[?{}{last}", self.numbers(2)),
            _ => format!("\x1b[?{}{last}", self.one(&PRIVATE)),
        }
        .into_bytes()
    }

    fn query(&mut self) -> Vec<u8> {
        const QUERIES: [&str; 22] = [
            "c",
            ">c",
            "=c",
            ">q",
            "5n",
            "6n",
            "?6n",
            "?15n",
            "?996n",
            "?u",
            ">1u",
            "<1u",
            "=31;1u",
            ">4;2m",
            "?4m",
            "14t",
            "18t",
            "21t",
            "x",
            "?2026$p",
            ">0q",
            "8;100;100t",
        ];
        let many = if self.chance.percent(3) { 5000 } else { 1 };
        format!("\x1b[{}", self.one(&QUERIES)).repeat(many).into_bytes()
    }

    fn garbage(&mut self) -> Vec<u8> {
        let mut bytes = self.one(&[b"\x1b[".as_slice(), b"\x1b", b"\x1b]", b"\x1bP", b""]).to_vec();
        let length = self.chance.below(12);
        bytes.extend((0..length).map(|_| match self.chance.below(8) {
            0 => self.chance.below(256) as u8,
            1 => self.one(b"\x1b\x18\x1a\x07\x9c\r\n"),
            _ => 0x20 + self.chance.below(0x5f) as u8,
        }));
        bytes
    }

    fn escape(&mut self) -> Vec<u8> {
        const ESCAPES: [&str; 30] = [
            "7", "8", "D", "E", "M", "H", "Z", "#8", "#3", "6", "9", "N", "O", "n", "o", "=", ">", "g", "(0",
            "(B", ")0", ")A", "*0", "+0", "-A", "c", "|", " F", "\\", "%G",
        ];
        format!("\x1b{}", self.one(&ESCAPES)).into_bytes()
    }

    /// What a string ends with, if it does.
    fn end(&mut self) -> &'static [u8] {
        self.one(&[
            b"\x07".as_slice(),
            b"\x07",
            b"\x1b\\",
            b"\x1b\\",
            b"\x1b\\",
            b"\x18",
            b"\x1b",
            b"",
            b"\x1b[m",
            b"\x9c",
        ])
    }

    fn osc(&mut self) -> Vec<u8> {
        const NUMBERS: [&str; 24] = [
            "0", "1", "2", "4", "7", "8", "9", "10", "11", "12", "22", "52", "66", "99", "104", "110", "111",
            "112", "133", "777", "1337", "7501", "", "999999",
        ];
        const TEXTS: [&str; 22] = [
            "KwJqVzXy",
            "?",
            "1;?",
            "1;rgb:ff/00/80",
            "300;?;2;#123456",
            "#abc",
            "c;S3dKcVZ6WHk=",
            "c;?",
            "file://h/KwJqVzXy",
            "file:///a%1b",
            ";https://h/KwJqVzXy",
            "id=1;javascript:x",
            ";",
            "A",
            "D;1",
            "notify;KwJqVzXy;\u{202e}b",
            "state=working:progress=50:title=S3dK",
            "state=blocked:kind=question",
            "a\u{9b}b\u{7f}c",
            "4;1;50",
            "i=1:e=1;G1s=",
            "📁\u{200d}\n",
        ];
        let (number, text) = (self.one(&NUMBERS), self.one(&TEXTS));
        let mut bytes = format!("\x1b]{number};{text}").into_bytes();
        if self.chance.percent(10) {
            bytes.extend(self.unicode());
        }
        bytes.extend_from_slice(self.end());
        bytes
    }

    fn dcs(&mut self) -> Vec<u8> {
        const BODIES: [&str; 16] = [
            "+q544e",
            "+q544E;524742",
            "+q4b774a71567a5879",
            "+qKwJqVzXy",
            "$qm",
            "$qr",
            "$q q",
            "$q\"p",
            "$qKwJqVzXy",
            "$q",
            "=1s",
            "=2s",
            "1$tKwJqVzXy",
            "q#0;2;0",
            "tmux;\x1b",
            "",
        ];
        let start = self.one(&["P", "P", "P", "X", "^", "_", "_G"]);
        let mut bytes = format!("\x1b{start}{}", self.one(&BODIES)).into_bytes();
        bytes.extend_from_slice(self.end());
        bytes
    }

    /// Strings about and beyond what is read of them.
    /// Lines as a log has them, so many that most of them only pass through the screen.
    fn flood(&mut self) -> Vec<u8> {
        let mut text = String::new();
        let odd = self.chance.below(3);
        for number in 0..30 + self.chance.below(120) {
            let words = "it goes on and on and on; ".repeat(self.chance.below(5) as usize);
            let end = match self.chance.below(40) {
                0 if odd > 0 => "\n",
                1 if odd > 0 => "\r\r\n",
                2 if odd > 0 => " e\u{301}\r\n",
                3 => "\tx\r\n",
                4 => "é漢─\r\n",
                _ => "\r\n",
            };
            text.push_str(&format!("{number} {words}{end}"));
        }
        text.into_bytes()
    }

    fn long(&mut self) -> Vec<u8> {
        let length = self.one(&[250usize, 257, 300, 4096, 8190, 8192, 8193, 9000, 20_000]);
        let (start, fill) = match self.chance.below(6) {
            0 => (b"\x1b[".as_slice(), b'1'),
            1 => (b"\x1b[".as_slice(), b';'),
            2 => (b"\x1b]0;".as_slice(), b'a'),
            3 => (b"\x1b]52;c;".as_slice(), b'A'),
            4 => (b"\x1bP+q".as_slice(), b'5'),
            _ => (b"".as_slice(), b'w'),
        };
        let mut bytes = start.to_vec();
        bytes.resize(length, fill);
        bytes.extend_from_slice(self.end());
        bytes
    }

    /// To an edge of the screen, where most goes wrong, and one thing there.
    fn edge(&mut self) -> Vec<u8> {
        let (cols, rows) = self.size;
        let row = self.one(&[1, 2, rows - 1, rows]);
        let column = self.one(&[1, 2, cols - 1, cols, cols]);
        let mut bytes = format!("\x1b[{row};{column}H").into_bytes();
        bytes.extend(match self.chance.below(5) {
            0 => self.unicode(),
            1 => b"x".to_vec(),
            2 => self.csi(),
            3 => self.control(),
            _ => "漢".as_bytes().to_vec(),
        });
        bytes
    }
}
