//! The emulator's throughput by kind of output, at 200x50 with its history.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark says what is wrong by failing"
)]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use loopmon::term::{Colours, Emulator};

/// About a mebibyte of each kind.
fn kinds() -> Vec<(&'static str, Vec<u8>)> {
    let repeat = |line: &dyn Fn(usize) -> String| {
        let mut bytes = Vec::new();
        for number in 0.. {
            bytes.extend_from_slice(line(number).as_bytes());
            if bytes.len() > 1 << 20 {
                break;
            }
        }
        bytes
    };
    vec![
        ("ascii", repeat(&|number| format!("{number:>8} the quick brown fox jumps over the lazy dog\r\n"))),
        (
            "sgr",
            repeat(&|number| {
                format!("\x1b[3{}mword\x1b[0m \x1b[1;4{}mword\x1b[m\r\n", number % 8, number % 8)
            }),
        ),
        ("unicode", repeat(&|number| format!("{number} 日本語 ünïcödé 🌱 ────\r\n"))),
        ("cursor", repeat(&|number| format!("\x1b[{};{}H*", number % 50 + 1, number % 200 + 1))),
        (
            "agent",
            repeat(&|number| {
                format!(
                    "\x1b[2K\x1b[1G\x1b[38;5;174m✻\x1b[m Thinking… ({number}s)\r\n\x1b[1A● \x1b[1mEdit\x1b[m src/lib.rs\r\n"
                )
            }),
        ),
    ]
}

fn throughput(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("emulate");
    group.sample_size(20);
    for (name, bytes) in kinds() {
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        let mut emulator = Emulator::new(200, 50, Colours::default());
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| bytes.chunks(64 * 1024).for_each(|chunk| emulator.feed(chunk)));
        });
    }
    group.finish();
}

criterion_group!(benches, throughput);
criterion_main!(benches);
