//! What reading a message costs, beside rsip on the same messages with the same headers read.
//!
//! The readers take turns; the figure of each is the median of its turns. The ratio travels between
//! machines, the nanoseconds do not.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    error::Error,
    hint::black_box,
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use rsip::prelude::{HasHeaders as _, HeadersExt as _, ToTypedHeader as _};
use sip::wire::{self, Contact, ContentLength, ContentType, Head, Headers, Message};

/// Counts what is allocated.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

#[expect(unsafe_code, reason = "an allocator that counts is an unsafe trait over the system's own")]
// SAFETY: each call goes to the system's allocator with what came in, and yields what that yields.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A call from a carrier, and a registration.
const MESSAGES: [(&str, &str); 5] = [
    (
        "INVITE",
        concat!(
            "INVITE sip:+862153290005@192.0.2.10:5060;user=phone SIP/2.0\r\n",
            "Via: SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bK-524287-1---a9d0;rport\r\n",
            "Via: SIP/2.0/UDP 198.51.100.7:5060;branch=z9hG4bK77ef;received=198.51.100.7\r\n",
            "Max-Forwards: 69\r\n",
            "Record-Route: <sip:192.0.2.20;lr>\r\n",
            "From: \"Alice\" <sip:+8613800138000@carrier.example;user=phone>;tag=1928301774\r\n",
            "To: <sip:+862153290005@gateway.example;user=phone>\r\n",
            "Call-ID: a84b4c76e66710@198.51.100.7\r\n",
            "CSeq: 314159 INVITE\r\n",
            "Contact: <sip:+8613800138000@198.51.100.7:5060;transport=udp>\r\n",
            "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO\r\n",
            "Supported: timer, 100rel, replaces\r\n",
            "Session-Expires: 1800;refresher=uac\r\n",
            "Min-SE: 90\r\n",
            "P-Asserted-Identity: <sip:+8613800138000@carrier.example>\r\n",
            "User-Agent: carrier/1.0\r\n",
            "Content-Type: application/sdp\r\n",
            "Content-Length: 169\r\n\r\n",
            "v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n",
            "m=audio 40000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n",
        ),
    ),
    (
        "180",
        concat!(
            "SIP/2.0 180 Ringing\r\n",
            "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK1.0.1-0123456789abcdef;rport=5060\r\n",
            "From: <sip:gateway@192.0.2.10>;tag=1.0.1-0123456789abcdef\r\n",
            "To: <sip:+8613800138000@carrier.example>;tag=314159\r\n",
            "Call-ID: 1.0.1-0123456789abcdef0123456789abcdef\r\n",
            "CSeq: 1 INVITE\r\n",
            "Contact: <sip:+8613800138000@198.51.100.7:5060>\r\n",
            "Server: carrier/1.0\r\n",
            "Content-Length: 0\r\n\r\n",
        ),
    ),
    (
        "ACK",
        concat!(
            "ACK sip:1.0.1.2@192.0.2.10:5060 SIP/2.0\r\n",
            "Via: SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bK-524287-1---b9d1;rport\r\n",
            "Max-Forwards: 70\r\n",
            "From: \"Alice\" <sip:+8613800138000@carrier.example;user=phone>;tag=1928301774\r\n",
            "To: <sip:+862153290005@gateway.example;user=phone>;tag=1.0.1-0123456789abcdef\r\n",
            "Call-ID: a84b4c76e66710@198.51.100.7\r\n",
            "CSeq: 314159 ACK\r\n",
            "Contact: <sip:+8613800138000@198.51.100.7:5060;transport=udp>\r\n",
            "Content-Length: 0\r\n\r\n",
        ),
    ),
    (
        "BYE",
        concat!(
            "BYE sip:1.0.1.2@192.0.2.10:5060 SIP/2.0\r\n",
            "Via: SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bK-524287-1---c9d2;rport\r\n",
            "Max-Forwards: 70\r\n",
            "From: \"Alice\" <sip:+8613800138000@carrier.example;user=phone>;tag=1928301774\r\n",
            "To: <sip:+862153290005@gateway.example;user=phone>;tag=1.0.1-0123456789abcdef\r\n",
            "Call-ID: a84b4c76e66710@198.51.100.7\r\n",
            "CSeq: 314160 BYE\r\n",
            "Contact: <sip:+8613800138000@198.51.100.7:5060;transport=udp>\r\n",
            "Reason: Q.850;cause=16;text=\"Terminated\"\r\n",
            "User-Agent: carrier/1.0\r\n",
            "Content-Length: 0\r\n\r\n",
        ),
    ),
    (
        "REGISTER",
        concat!(
            "REGISTER sip:gateway.example SIP/2.0\r\n",
            "Via: SIP/2.0/UDP 192.0.2.30:5060;branch=z9hG4bKnashds7;rport\r\n",
            "Max-Forwards: 70\r\n",
            "From: \"Room 1\" <sip:room1@gateway.example>;tag=456248\r\n",
            "To: \"Room 1\" <sip:room1@gateway.example>\r\n",
            "Call-ID: 843817637684230@998sdasdh09\r\n",
            "CSeq: 1826 REGISTER\r\n",
            "Contact: <sip:room1@192.0.2.30:5060>;expires=3600\r\n",
            "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, INFO\r\n",
            "User-Agent: TANDBERG/529 (ce9.15.3) Cisco-SX20\r\n",
            "Expires: 3600\r\n",
            "Content-Length: 0\r\n\r\n",
        ),
    ),
];

/// How long one reader's turn at one message lasts.
const TURN: Duration = Duration::from_millis(60);
const TURNS: usize = 9;

type Read = fn(&Bytes) -> Result<(), Box<dyn Error>>;

fn main() -> ExitCode {
    match compare() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn compare() -> Result<(), Box<dyn Error>> {
    println!("message      bytes   ours ns   rsip ns   ratio   ours allocations   rsip allocations");
    let mut totals = [0.0; 2];
    for (name, text) in MESSAGES {
        // Shared, as what a socket yields is.
        let message = Bytes::copy_from_slice(text.as_bytes());
        let _shared = message.clone();
        let readers: [Read; 2] = [ours, theirs];
        let allocations = readers.map(|read| allocations(read, &message));
        let mut turns = [Vec::new(), Vec::new()];
        for _ in 0..TURNS {
            for (turns, read) in turns.iter_mut().zip(readers) {
                turns.push(nanoseconds(read, &message)?);
            }
        }
        let [ours, theirs] = turns.map(median);
        totals = [totals[0] + ours, totals[1] + theirs];
        println!(
            "{name:<10} {:>7} {ours:>9.0} {theirs:>9.0} {:>7.2} {:>18} {:>18}",
            text.len(),
            theirs / ours,
            allocations[0],
            allocations[1]
        );
    }
    println!("all                {:>9.0} {:>9.0} {:>7.2}", totals[0], totals[1], totals[1] / totals[0]);
    println!("\nmessages of 64 KiB, made to be slow          ours µs");
    for (name, piece) in LARGEST {
        let message = of_64_kib(piece);
        // Malformed ones cost their time too: whether they are refused is no matter here.
        let time = || {
            let begin = Instant::now();
            black_box(ours(&message)).ok();
            begin.elapsed()
        };
        let best = (0..TURNS).map(|_| time()).min().unwrap_or_default();
        println!("{name:<40} {:>12.1}", best.as_secs_f64() * 1e6);
    }
    Ok(())
}

/// What is written again and again behind a sound beginning, until the message has 64 KiB.
const LARGEST: [(&str, &str); 8] = [
    ("empty headers", "a:\r\n"),
    ("Vias", "v: SIP/2.0/UDP a;branch=z9hG4bKa\r\n"),
    ("values of one header", "Contact: <sip:a@b>,<sip:c@d>\r\n"),
    ("folds", "Subject: a\r\n b\r\n"),
    ("commas", ","),
    ("quotation marks", "\"\\\""),
    ("angle brackets", "<"),
    ("parameters", ";a=b"),
];

fn of_64_kib(piece: &str) -> Bytes {
    const HEAD: &str = "INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKa\r\nTo: <sip:a@b>\r\n\
        From: <sip:a@b>;tag=1\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nMax-Forwards: 70\r\nContact: <sip:a@b>";
    const END: &str = "\r\n\r\n";
    let break_line = if piece.ends_with('\n') { "\r\n" } else { "" };
    let room = 65_535 - HEAD.len() - break_line.len() - END.len();
    Bytes::from([HEAD, break_line, &piece.repeat(room / piece.len()), END].concat())
}

/// Reads a message that is its own datagram, as a socket yields it, and its usual headers.
fn ours(message: &Bytes) -> Result<(), Box<dyn Error>> {
    match wire::parse(message.clone())? {
        Message::Request(request) => {
            black_box((&request.uri, request.max_forwards));
            read(&request.head, &request.headers)
        }
        Message::Response(response) => {
            black_box(response.status);
            read(&response.head, &response.headers)
        }
    }
}

fn read(head: &Head, headers: &Headers) -> Result<(), Box<dyn Error>> {
    black_box((&head.via, &head.from, &head.to, &head.call_id, &head.cseq));
    black_box((head.via.branch(), head.from.tag(), head.to.tag()));
    black_box(headers.first::<Contact>()?);
    black_box(headers.first::<ContentType>()?);
    black_box(headers.first::<ContentLength>()?);
    Ok(())
}

fn theirs(message: &Bytes) -> Result<(), Box<dyn Error>> {
    let message = rsip::SipMessage::try_from(message.as_ref())?;
    let (via, from, to) =
        (message.via_header()?.typed()?, message.from_header()?.typed()?, message.to_header()?.typed()?);
    black_box((via.branch(), from.tag(), to.tag()));
    black_box((&via, &from, &to));
    black_box(message.call_id_header()?);
    black_box(message.cseq_header()?.typed()?);
    black_box(message.contact_header()?.typed()?);
    for header in message.headers().iter() {
        match header {
            rsip::Header::ContentType(value) => drop(black_box(value.clone().typed()?)),
            rsip::Header::ContentLength(value) => drop(black_box(value.length()?)),
            rsip::Header::MaxForwards(value) => drop(black_box(value.num()?)),
            _ => {}
        }
    }
    Ok(())
}

fn allocations(read: Read, message: &Bytes) -> u64 {
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    black_box(read(message)).ok();
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

fn nanoseconds(read: Read, message: &Bytes) -> Result<f64, Box<dyn Error>> {
    let (begun, mut times) = (Instant::now(), 0_u32);
    while begun.elapsed() < TURN {
        for _ in 0..64 {
            read(black_box(message))?;
        }
        times += 64;
    }
    Ok(begun.elapsed().as_secs_f64() * 1e9 / f64::from(times))
}

fn median(mut turns: Vec<f64>) -> f64 {
    turns.sort_by(f64::total_cmp);
    turns[turns.len() / 2]
}
