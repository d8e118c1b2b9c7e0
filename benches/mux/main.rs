//! loopmon beside other multiplexers: the same load in the same run, in a terminal of 200x50 that this bench owns.
//!
//! `cargo bench --bench mux -- [--quick] [--only=loopmon,tmux] [--keys=300] [--hidden=0,3,15,48] [flood many latency
//! own switch idle memory start begin resize]`. What is installed of tmux and mprocs takes part. On a busy machine the ratios are what counts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark says what is wrong by failing"
)]

#[path = "../../tests/support/mod.rs"]
mod support;

mod child;
mod console;
mod load;
mod peers;

use std::time::{Duration, Instant};

use console::{Console, SIZE};
use peers::{Peer, Running};

/// How long the end of a flood may take to come.
const PATIENCE: Duration = Duration::from_secs(180);

/// How much is measured.
struct Amount {
    /// Mebibytes of a flood.
    flood: usize,
    /// Mebibytes of each of several floods.
    each: usize,
    keys: usize,
    /// Before it is idle.
    rest: Duration,
    idle: Duration,
    quiet: usize,
    /// How many of the others write, at most.
    spinners: &'static [usize],
    /// Panes that flood beside the one that is typed into.
    hidden: &'static [usize],
    openings: usize,
    beginnings: usize,
    /// Panes of each of those.
    begun: &'static [usize],
}

const FULL: Amount = Amount {
    flood: 50,
    each: 10,
    keys: 300,
    rest: secs(75),
    idle: secs(30),
    quiet: 51,
    spinners: &[10, 50],
    hidden: &[0, 3, 15, 48],
    openings: 20,
    beginnings: 5,
    begun: &[1, 10, 50],
};
const QUICK: Amount = Amount {
    flood: 5,
    each: 2,
    keys: 60,
    rest: secs(12),
    idle: secs(5),
    quiet: 11,
    spinners: &[10],
    hidden: &[0, 3, 15],
    openings: 7,
    beginnings: 3,
    begun: &[1, 10],
};

const fn secs(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// What was measured, as rows of a table.
struct Table {
    peers: Vec<Peer>,
    rows: Vec<(String, Vec<Option<f64>>)>,
}

/// A part of the bench: rows of what one peer did.
type Part = fn(Peer, &Amount) -> Vec<(String, Option<f64>)>;

const PARTS: [(&str, Part); 10] = [
    ("flood", flood),
    ("many", many),
    ("latency", latency),
    ("own", own),
    ("switch", switch),
    ("idle", idle),
    ("memory", memory),
    ("start", start),
    ("begin", begin),
    ("resize", resize),
];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [word, socket, name] = args.as_slice()
        && word == "child"
    {
        return child::run(socket, name);
    }
    let given = |option: &str| args.iter().find_map(|arg| arg.strip_prefix(option));
    let mut amount = if args.iter().any(|arg| arg == "--quick") { QUICK } else { FULL };
    amount.keys = given("--keys=").map_or(amount.keys, |keys| keys.parse().unwrap());
    if let Some(hidden) = given("--hidden=") {
        amount.hidden = hidden.split(',').map(|count| count.parse().unwrap()).collect::<Vec<_>>().leak();
    }
    let only = given("--only=");
    let peers = [Peer::Loopmon, Peer::Tmux, Peer::Mprocs];
    let asked = |peer: &Peer| only.is_none_or(|only| only.split(',').any(|name| name == peer.name()));
    let peers: Vec<Peer> = peers.into_iter().filter(|peer| asked(peer) && peer.program().is_some()).collect();
    let versions: Vec<String> = peers.iter().filter_map(|peer| peer.version()).collect();
    println!("{} on {} processors\n", versions.join(", "), std::thread::available_parallelism().unwrap());
    let named = |name: &str| args.iter().any(|arg| arg == name);
    let all = !PARTS.iter().any(|(name, _)| named(name));
    for (name, part) in PARTS.into_iter().filter(|(name, _)| all || named(name)) {
        let mut table = Table { peers: peers.clone(), rows: Vec::new() };
        for (index, peer) in peers.iter().enumerate() {
            for (row, value) in part(*peer, &amount) {
                table.set(&row, index, value);
            }
        }
        println!("{name}\n\n{}", table.markdown());
    }
}

impl Table {
    fn set(&mut self, name: &str, peer: usize, value: Option<f64>) {
        let at = self.rows.iter().position(|(row, _)| row == name).unwrap_or_else(|| {
            self.rows.push((name.to_owned(), vec![None; self.peers.len()]));
            self.rows.len() - 1
        });
        self.rows[at].1[peer] = value;
    }

    /// With the first peer's share of each other's figure.
    fn markdown(&self) -> String {
        let mut head = vec![String::new()];
        head.extend(self.peers.iter().map(|peer| peer.name().to_owned()));
        head.extend(self.peers.iter().skip(1).map(|peer| format!("ratio to {}", peer.name())));
        let mut text = format!("| {} |\n|{}\n", head.join(" | "), " --- |".repeat(head.len()));
        for (name, values) in &self.rows {
            let mut cells = vec![name.clone()];
            cells.extend(values.iter().map(|value| value.map_or("–".to_owned(), figure)));
            let ratio = |other: &Option<f64>| match (values[0], *other) {
                (Some(own), Some(other)) if other > 0.0 => format!("{:.2}", own / other),
                _ => "–".to_owned(),
            };
            cells.extend(values.iter().skip(1).map(ratio));
            text += &format!("| {} |\n", cells.join(" | "));
        }
        text
    }
}

fn figure(value: f64) -> String {
    if value < 10.0 { format!("{value:.2}") } else { format!("{value:.1}") }
}

/// How long one pane's flood takes to its end on the screen, and what it costs.
fn flood(peer: Peer, amount: &Amount) -> Vec<(String, Option<f64>)> {
    let mut mux = Running::start(peer, 1);
    let mut rows = Vec::new();
    for ((kind, text), end) in load::kinds().into_iter().zip('ა'..) {
        let file = mux.bench.machine.path(kind);
        std::fs::write(&file, &text).unwrap();
        let cpu = mux.cpu();
        mux.console.expect(&end.to_string());
        let begin = Instant::now();
        mux.send(0, &format!("flood {} {} {end}", file.display(), amount.flood));
        let found = mux.console.found(PATIENCE);
        mux.answer(0);
        let megabytes = (text.len() * amount.flood) as f64 / 1e6;
        rows.push((format!("{kind}, MB/s"), found.map(|at| megabytes / (at - begin).as_secs_f64())));
        let spent = (mux.cpu() - cpu).as_secs_f64();
        rows.push((format!("{kind}, CPU s per 50 MB"), Some(spent * 50.0 / megabytes)));
        std::thread::sleep(Duration::from_millis(300));
    }
    rows
}

/// What many hidden panes bring through together.
fn many(peer: Peer, amount: &Amount) -> Vec<(String, Option<f64>)> {
    const HIDDEN: usize = 16;
    let mut mux = Running::start(peer, HIDDEN + 1);
    let (_, text) = load::kinds().pop().unwrap();
    let file = mux.bench.machine.path("agent");
    std::fs::write(&file, &text).unwrap();
    let begin = Instant::now();
    for pane in 1..=HIDDEN {
        mux.send(pane, &format!("flood {} {} .", file.display(), amount.each));
        mux.send(pane, "settle");
    }
    let settled = (1..=HIDDEN).filter(|pane| {
        mux.answer(*pane);
        mux.answer(*pane) == "ok"
    });
    let settled = settled.count();
    let megabytes = (text.len() * amount.each * HIDDEN) as f64 / 1e6;
    let rate = megabytes / begin.elapsed().as_secs_f64();
    vec![(
        format!("{HIDDEN} hidden panes flooding (agent), MB/s in all"),
        (settled == HIDDEN).then_some(rate),
    )]
}

/// From a key to its character on the screen.
fn latency(peer: Peer, amount: &Amount) -> Vec<(String, Option<f64>)> {
    let mut rows = Vec::new();
    for &hidden in amount.hidden {
        let mut mux = Running::start(peer, hidden + 1);
        let (_, text) = load::kinds().pop().unwrap();
        let file = mux.bench.machine.path("agent");
        std::fs::write(&file, &text).unwrap();
        for pane in 1..=hidden {
            mux.tell(pane, &format!("pour {}", file.display()));
        }
        std::thread::sleep(Duration::from_secs(1));
        let mut times = echoes(&mut mux.console, amount.keys);
        let at = percentiles(&mut times);
        let what = if hidden == 0 { "idle".to_owned() } else { format!("{hidden} hidden panes flooding") };
        rows.push((format!("key to echo, {what}, p50 ms"), at(50)));
        rows.push((format!("key to echo, {what}, p99 ms"), at(99)));
    }
    rows
}

/// From a key to its character on the screen in a pane that floods itself: it jumps about and leaves the last row alone.
fn own(peer: Peer, amount: &Amount) -> Vec<(String, Option<f64>)> {
    let mut mux = Running::start(peer, 1);
    let (_, text) = load::kinds().into_iter().find(|(kind, _)| *kind == "cursor").unwrap();
    let file = mux.bench.machine.path("cursor");
    std::fs::write(&file, &text).unwrap();
    mux.tell(0, "below");
    mux.tell(0, &format!("pour {}", file.display()));
    std::thread::sleep(Duration::from_secs(1));
    let mut times = echoes(&mut mux.console, amount.keys);
    let at = percentiles(&mut times);
    let what = "key to echo, its own pane flooding (cursor jumps)";
    vec![(format!("{what}, p50 ms"), at(50)), (format!("{what}, p99 ms"), at(99))]
}

/// Milliseconds of each key; one that never came is a second, and after five of those it is given up.
fn echoes(console: &mut Console, count: usize) -> Vec<f64> {
    const LOST: f64 = 1000.0;
    let (mut random, mut lost): (u32, usize) = (7, 0);
    let letters: Vec<char> = ('Б'..='я').collect();
    let one = |number: usize| {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        std::thread::sleep(Duration::from_millis(u64::from(20 + random % 41)));
        let letter = letters[number % letters.len()].to_string();
        console.expect(&letter);
        let begin = Instant::now();
        console.type_text(&letter);
        let found = console.found(Duration::from_secs(1));
        found.map_or(LOST, |at| (at - begin).as_secs_f64() * 1e3)
    };
    let go_on = |time: &f64| {
        lost += usize::from(*time >= LOST);
        lost <= 5
    };
    (0..count).map(one).take_while(go_on).collect()
}

/// So much of a hundred: the time that as many are not above.
fn percentiles(times: &mut [f64]) -> impl Fn(usize) -> Option<f64> {
    times.sort_by(f64::total_cmp);
    |part| times.get((times.len().max(1) - 1) * part / 100).copied()
}

/// From the keys that show another pane to its picture, while hidden ones flood.
fn switch(peer: Peer, amount: &Amount) -> Vec<(String, Option<f64>)> {
    const HIDDEN: usize = 3;
    let signs = ["ა", "ბ"];
    let mut mux = Running::start(peer, HIDDEN + 2);
    let (_, text) = load::kinds().pop().unwrap();
    let file = mux.bench.machine.path("agent");
    std::fs::write(&file, &text).unwrap();
    for (pane, sign) in signs.iter().enumerate() {
        mux.tell(pane, &format!("show {sign}"));
    }
    for pane in 2..HIDDEN + 2 {
        mux.tell(pane, &format!("pour {}", file.display()));
    }
    std::thread::sleep(Duration::from_secs(1));
    let what = format!("another pane, {HIDDEN} hidden panes flooding");
    let Some(keys) = mux.keys_to_switch() else { return vec![(format!("{what}, p50 ms"), None)] };
    let one = |number: usize| {
        std::thread::sleep(Duration::from_millis(60));
        let to = (number + 1) % 2;
        mux.console.expect(signs[to]);
        let begin = Instant::now();
        mux.console.type_text(keys[to]);
        let found = mux.console.found(Duration::from_secs(1));
        found.map_or(1000.0, |at| (at - begin).as_secs_f64() * 1e3)
    };
    let mut times: Vec<f64> = (0..amount.keys).map(one).collect();
    let at = percentiles(&mut times);
    vec![(format!("{what}, p50 ms"), at(50)), (format!("{what}, p99 ms"), at(99))]
}

/// What it costs that nothing happens, and that little does.
fn idle(peer: Peer, amount: &Amount) -> Vec<(String, Option<f64>)> {
    let mut mux = Running::start(peer, amount.quiet);
    let seconds = amount.idle.as_secs();
    let mut rows = Vec::new();
    // What it says after its start is over by then, and ages are told in minutes.
    std::thread::sleep(amount.rest);
    let mut measure = |mux: &Running, what: &str| {
        let (cpu, bytes) = (mux.cpu(), mux.console.bytes());
        std::thread::sleep(amount.idle);
        rows.push((format!("{what}, CPU s in {seconds} s"), Some((mux.cpu() - cpu).as_secs_f64())));
        rows.push((format!("{what}, bytes out"), Some((mux.console.bytes() - bytes) as f64)));
    };
    measure(&mux, &format!("{} quiet panes", amount.quiet));
    let mut spinning = 0;
    for &spinners in amount.spinners {
        (spinning + 1..=spinners).for_each(|pane| drop(mux.tell(pane, "spin 10")));
        spinning = spinners;
        measure(&mux, &format!("{spinners} hidden spinners"));
    }
    rows
}

/// What history costs.
fn memory(peer: Peer, _: &Amount) -> Vec<(String, Option<f64>)> {
    const PANES: usize = 8;
    let mut mux = Running::start(peer, PANES + 1);
    let file = mux.bench.machine.path("lines");
    std::fs::write(&file, load::coloured_lines(10_000, 240)).unwrap();
    std::thread::sleep(Duration::from_secs(1));
    let before = mux.memory();
    for pane in 1..=PANES {
        mux.tell(pane, &format!("flood {} 1 .", file.display()));
        mux.tell(pane, "settle");
    }
    std::thread::sleep(Duration::from_secs(2));
    let after = mux.memory();
    let mib = |kib: u64| kib as f64 / 1024.0;
    vec![
        ("MiB for a pane's 10,000 coloured lines".to_owned(), Some(mib(after - before) / PANES as f64)),
        (format!("MiB in all with {} panes", PANES + 1), Some(mib(after))),
        (
            format!("MiB resident with {} panes, shared text counted by each", PANES + 1),
            Some(mib(mux.resident())),
        ),
    ]
}

/// How soon a terminal that looks at a running one has its first frame.
fn start(peer: Peer, amount: &Amount) -> Vec<(String, Option<f64>)> {
    let mut rows = Vec::new();
    for panes in [1, 10] {
        let name = format!("attach to first frame, {panes} panes, ms");
        // Something that is on the screen only when it is drawn whole.
        let wanted = match peer {
            Peer::Loopmon => "Tasks",
            Peer::Tmux => "0:",
            Peer::Mprocs => {
                rows.push((name, None));
                continue;
            }
        };
        let mux = Running::start(peer, panes);
        let once = |_| {
            let begin = Instant::now();
            let console = mux.attach();
            console.expect(wanted);
            console.found(PATIENCE).map(|at| (at - begin).as_secs_f64() * 1e3)
        };
        let mut times: Vec<f64> = (0..amount.openings).filter_map(once).collect();
        times.sort_by(f64::total_cmp);
        rows.push((name, times.get(times.len() / 2).copied()));
    }
    rows
}

/// How soon all is there where nothing ran before: servers, keepers, every program, and the first frame.
fn begin(peer: Peer, amount: &Amount) -> Vec<(String, Option<f64>)> {
    let mut rows = Vec::new();
    for &panes in amount.begun {
        let mut spans: Vec<_> =
            (0..amount.beginnings).filter_map(|_| peers::begin(peer, panes, PATIENCE)).collect();
        spans.sort();
        let middle = spans.get(spans.len() / 2);
        let ms =
            |of: fn(&(Duration, Duration)) -> Duration| middle.map(|spans| of(spans).as_secs_f64() * 1e3);
        rows.push((format!("from nothing to the first frame, {panes} panes, ms"), ms(|spans| spans.0)));
        rows.push((format!("from nothing to {panes} programs at work, ms"), ms(|spans| spans.1)));
    }
    rows
}

/// How long after the last of many changes of size the program in the pane has the right one.
fn resize(peer: Peer, _: &Amount) -> Vec<(String, Option<f64>)> {
    const CHANGES: u16 = 100;
    let mut mux = Running::start(peer, 5);
    let right = mux.tell(0, "size");
    let (_, text) = load::kinds().pop().unwrap();
    let file = mux.bench.machine.path("agent");
    std::fs::write(&file, &text).unwrap();
    for pane in 1..5 {
        mux.tell(pane, &format!("pour {}", file.display()));
    }
    for change in 1..=CHANGES {
        let by = (CHANGES - change) % 10;
        mux.console.resize((SIZE.0 - by * 7, SIZE.1 - by * 2));
        std::thread::sleep(Duration::from_millis(20));
    }
    mux.console.resize((150, 40));
    std::thread::sleep(Duration::from_millis(20));
    mux.console.resize(SIZE);
    let begin = Instant::now();
    let mut settled = None;
    while begin.elapsed() < Duration::from_secs(5) {
        if mux.tell(0, "size") != right {
            settled = None;
        } else if settled.is_none() {
            settled = Some(begin.elapsed().as_secs_f64() * 1e3);
        } else if begin.elapsed() > Duration::from_secs(1) {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    vec![("102 resizes, 4 hidden panes flooding: right size after ms".to_owned(), settled)]
}
