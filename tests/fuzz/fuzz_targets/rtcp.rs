//! Any datagram as RTCP: no panic, no more items than the bound, and what was read of a report is read again of the
//! report that we would write of it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtp::{
    Header, Reception, SequenceNumber, Timestamp,
    rtcp::{self, Item, Ntp, Report, ReportBlock, SenderInfo},
};
use terms::{
    Instant,
    media::{PayloadType, Ssrc},
};

/// What one compound packet is read for.
const MAX_ITEMS: usize = 64;

fuzz_target!(|bytes: &[u8]| {
    let Ok(items) = rtcp::parse(bytes) else { return };
    assert!(items.len() <= MAX_ITEMS, "{} items", items.len());
    let mut reception = reception();
    let now = Instant::from_nanos(1 << 40);
    for item in &items {
        match item {
            Item::SenderReport { from, info, blocks } => {
                reception.on_sender_report(now, *from, info);
                again(*from, Some(*info), blocks);
            }
            Item::ReceiverReport { from, blocks } => again(*from, None, blocks),
            Item::Cname { of, cname } => {
                let report = Report { ssrc: *of, sender: None, blocks: &[], cname, bye: true };
                // A name that is no UTF-8 is longer as we keep it, and may not fit.
                rtcp::write(&mut [0; 2_048], &report).ok();
            }
            Item::Bye { .. } => {}
        }
    }
    reception.report_block(now);
});

fn again(ssrc: Ssrc, sender: Option<SenderInfo>, blocks: &[ReportBlock]) {
    for block in blocks {
        rtcp::round_trip(Ntp(1 << 60), block);
    }
    let mut out = [0; 2_048];
    let report = Report { ssrc, sender, blocks, cname: "peer", bye: false };
    let length = rtcp::write(&mut out, &report).expect("31 blocks fit");
    let read = rtcp::parse(&out[..length]).expect("we write RTCP");
    let (from, info, read) = match &read[0] {
        Item::SenderReport { from, info, blocks } => (from, Some(*info), blocks),
        Item::ReceiverReport { from, blocks } => (from, None, blocks),
        other => panic!("{other:?}"),
    };
    assert_eq!((*from, info, &read[..]), (ssrc, sender, blocks));
}

/// Of a source that sends.
fn reception() -> Reception {
    let mut reception = Reception::new(8_000);
    for number in 0..3_u16 {
        let header = Header {
            payload_type: PayloadType(8),
            marker: false,
            sequence: SequenceNumber(number),
            timestamp: Timestamp(160 * u32::from(number)),
            ssrc: Ssrc(7),
        };
        reception.receive(Instant::from_nanos(20_000_000 * u64::from(number)), &header);
    }
    reception
}
