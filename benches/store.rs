//! The log: one durable event, and a batch of ten. The disk's fsync is in these figures.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark says what is wrong by failing"
)]

use criterion::{Criterion, criterion_group, criterion_main};
use loopmon::model::{EffectId, Event, Record, RunId, Timestamp};
use loopmon::store::Store;

fn append(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().expect("a directory");
    let mut store = Store::open(&dir.path().join("loopmon.db")).expect("a log");
    let run = RunId::from("bench");
    store.add_run(&run, Timestamp(0), "bench", &[]).expect("a run");
    let mut seq = 0;
    let mut records = |count: u64| -> Vec<Record> {
        let from = seq + 1;
        seq += count;
        (from..=seq).map(|seq| Record { seq, at: Timestamp(0), event: Event::Timer(EffectId(seq)) }).collect()
    };
    let mut group = criterion.benchmark_group("append durably");
    group.sample_size(20);
    group.bench_function("1 event", |bencher| {
        bencher.iter(|| store.append(&run, &records(1)).expect("room on the disk"));
    });
    group.bench_function("10 events", |bencher| {
        bencher.iter(|| store.append(&run, &records(10)).expect("room on the disk"));
    });
    group.finish();
}

criterion_group!(benches, append);
criterion_main!(benches);
