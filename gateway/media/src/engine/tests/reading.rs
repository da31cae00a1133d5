//! When sockets are read.

use super::*;

fn due(bench: &Bench) -> Vec<u32> {
    let mut pairs = Vec::new();
    bench.engine.due(bench.now.mono, &mut pairs);
    pairs.into_iter().map(|SlotId(slot)| slot).collect()
}

/// Which pairs were due in each tick of 20 ms, phase by phase.
fn due_in_a_tick(bench: &mut Bench) -> Vec<u32> {
    let until = bench.now.mono + MS_20;
    let mut all = Vec::new();
    while let Some(at) = bench.engine.poll_timeout().filter(|at| *at < until) {
        bench.now.mono = bench.now.mono.max(at);
        all.extend(due(bench));
        bench.feed(Input::Timeout);
        assert_eq!(due(bench), [] as [u32; 0], "what has run is due no more");
    }
    bench.now.mono = until;
    all.sort_unstable();
    all
}

#[test]
fn a_port_in_use_is_read_once_a_tick_by_itself_and_in_a_meeting() {
    let mut bench = Bench::new(4);
    bench.open(1, 20, Route::Drop);
    bench.open(2, 20, Route::Echo);
    for serial in [3, 4] {
        bench.open(serial, 20, Route::Meeting { tag: tag("900100001", serial), voice: Voice::Heard });
    }
    assert!((0..4).all(|slot| bench.reading[&SlotId(slot)] == Reading::AtTicks));
    for _ in 0..3 {
        assert_eq!(due_in_a_tick(&mut bench), [0, 1, 2, 3]);
    }
}

#[test]
fn a_worker_that_was_held_up_reads_each_socket_once() {
    let mut bench = Bench::new(2);
    bench.open(1, 20, Route::Echo);
    bench.open(2, 20, Route::Drop);
    bench.now.mono += Duration::from_secs(3);
    let mut pairs = due(&bench);
    pairs.sort_unstable();
    assert_eq!(pairs, [0, 1]);
}

#[test]
fn iso_3_what_comes_to_a_resting_pair_is_read_as_it_comes() {
    let mut bench = Bench::new(1);
    bench.open(1, 20, Route::Echo);
    bench.command(Command::Close { port: port(1) });
    assert_eq!(bench.reading[&SlotId(0)], Reading::AsItComes);
    assert_eq!(due_in_a_tick(&mut bench), [] as [u32; 0]);
    bench.hear(0, PEER, 1, SILENT_PCMA);
    assert_eq!(bench.engine.counted().packets_late, 1);
}
