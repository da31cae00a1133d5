//! Which socket takes what comes to a range of ports: a program that the kernel asks (`BPF_PROG_TYPE_SK_LOOKUP`, Linux 5.9).
//!
//! ```text
//!   datagram to ADDRESS:PORT ─▶ is PORT one of a range's? ── yes ─▶ socket of that range, from a SOCKMAP
//!                                          └─ no ─▶ the kernel goes on by itself
//! ```
//!
//! A dozen instructions a range, so they are written out here: no compiler of BPF at build time, no object file to
//! ship. The numbers are those of `linux/bpf.h`, which never change.

use std::{
    fs::File,
    io,
    net::IpAddr,
    os::fd::{AsRawFd, FromRawFd as _, OwnedFd, RawFd},
};

/// Commands of bpf(2).
const MAP_CREATE: libc::c_int = 0;
const MAP_UPDATE_ELEM: libc::c_int = 2;
const PROG_LOAD: libc::c_int = 5;
const LINK_CREATE: libc::c_int = 28;

const SOCKMAP: u32 = 15;
const PROG_TYPE_SK_LOOKUP: u32 = 30;
const ATTACH_SK_LOOKUP: u32 = 36;

/// The kernel's functions that the program calls.
const MAP_LOOKUP_ELEM: i32 = 1;
const SK_RELEASE: i32 = 86;
const SK_ASSIGN: i32 = 124;

/// What a program of this kind yields: go on, with the socket that was assigned if one was.
const SK_PASS: i32 = 1;

/// `union bpf_attr` of Linux 5.9; later kernels take a shorter one.
const ATTRIBUTES: usize = 120;

/// Ports of one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ports {
    pub(super) address: IpAddr,
    pub(super) first: u16,
    pub(super) count: u32,
}

/// As long as it is kept the kernel asks the program.
#[derive(Debug)]
pub(super) struct Lookup {
    _link: OwnedFd,
}

impl Lookup {
    /// From here on each socket has what comes to its ports, whatever it is bound to itself.
    pub(super) fn attach(sockets: &[(Ports, RawFd)]) -> io::Result<Self> {
        let count = u32::try_from(sockets.len()).unwrap_or(u32::MAX);
        let map = Attributes::new().u32(SOCKMAP).u32(4).u32(8).u32(count).call(MAP_CREATE)?;
        for (key, (_, socket)) in (0_u32..).zip(sockets) {
            put(&map, key, *socket)?;
        }
        let ports: Vec<Ports> = sockets.iter().map(|(ports, _)| *ports).collect();
        let program = load(&program(&ports, map.as_raw_fd()))?;
        let namespace = File::open("/proc/self/ns/net")?;
        let link = Attributes::new()
            .descriptor(&program)
            .descriptor(&namespace)
            .u32(ATTACH_SK_LOOKUP)
            .call(LINK_CREATE)?;
        Ok(Self { _link: link })
    }
}

fn put(map: &OwnedFd, key: u32, socket: RawFd) -> io::Result<()> {
    let socket = i64::from(socket);
    let attributes = Attributes::new().descriptor(map).u32(0);
    attributes.address(&raw const key as u64).address(&raw const socket as u64).run(MAP_UPDATE_ELEM)?;
    Ok(())
}

fn load(program: &[Instruction]) -> io::Result<OwnedFd> {
    let words: Vec<u64> = program.iter().map(|instruction| instruction.encode()).collect();
    let licence = c"Dual MIT/GPL";
    Attributes::new()
        .u32(PROG_TYPE_SK_LOOKUP)
        .u32(u32::try_from(words.len()).unwrap_or(u32::MAX))
        .address(words.as_ptr() as u64)
        .address(licence.as_ptr() as u64)
        // No log, no version, no flags, no name, no interface.
        .skip(4 + 4 + 8 + 4 + 4 + 16 + 4)
        .u32(ATTACH_SK_LOOKUP)
        .call(PROG_LOAD)
}

/// What bpf(2) is told, field by field.
struct Attributes {
    bytes: [u8; ATTRIBUTES],
    length: usize,
}

impl Attributes {
    const fn new() -> Self {
        Self { bytes: [0; ATTRIBUTES], length: 0 }
    }

    fn u32(self, value: u32) -> Self {
        self.put(&value.to_ne_bytes())
    }

    fn descriptor(self, of: &impl AsRawFd) -> Self {
        self.put(&of.as_raw_fd().to_ne_bytes())
    }

    fn address(self, value: u64) -> Self {
        self.put(&value.to_ne_bytes())
    }

    const fn skip(mut self, octets: usize) -> Self {
        self.length += octets;
        self
    }

    fn put(mut self, value: &[u8]) -> Self {
        self.bytes[self.length..self.length + value.len()].copy_from_slice(value);
        self.length += value.len();
        self
    }

    /// For what yields a descriptor.
    #[expect(unsafe_code, reason = "bpf(2) yields descriptors as numbers")]
    fn call(self, command: libc::c_int) -> io::Result<OwnedFd> {
        let descriptor = self.run(command)?;
        // SAFETY: the kernel has just opened it for us, and nobody else knows of it.
        Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
    }

    #[expect(unsafe_code, reason = "libc has no function for bpf(2)")]
    fn run(self, command: libc::c_int) -> io::Result<RawFd> {
        // SAFETY: the attributes are as long as is said; the addresses in them are of values that their makers keep
        // until this returns, and the kernel keeps none of them.
        let result = unsafe { libc::syscall(libc::SYS_bpf, command, self.bytes.as_ptr(), ATTRIBUTES) };
        if result < 0 {
            return Err(io::Error::last_os_error());
        }
        RawFd::try_from(result).map_err(io::Error::other)
    }
}

/// Registers of the machine; the stack grows down from `Frame`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Register {
    Result = 0,
    First = 1,
    Second = 2,
    Third = 3,
    /// What the program was called with; kept over calls, as `Socket` is.
    Context = 6,
    Socket = 7,
    Frame = 10,
}

/// Fields of `struct bpf_sk_lookup` that the program reads, each of four octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Family = 8,
    Protocol = 12,
    LocalIp4 = 40,
    LocalIp6 = 44,
    LocalPort = 60,
}

/// One of the few that the program is made of (`linux/bpf.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Instruction {
    Copy {
        to: Register,
        from: Register,
    },
    Set {
        to: Register,
        value: i32,
    },
    Add {
        to: Register,
        value: i32,
    },
    /// `word` more fields of four octets on.
    Read {
        to: Register,
        field: Field,
        word: i16,
    },
    /// Four octets below the frame.
    Keep {
        value: i32,
    },
    Call(i32),
    /// The two halves of a load of 64 bits: the map of a descriptor.
    Map {
        to: Register,
        descriptor: RawFd,
    },
    MapRest,
    UnlessEqual {
        register: Register,
        value: i32,
        over: i16,
    },
    IfBelow {
        register: Register,
        value: i32,
        over: i16,
    },
    IfAbove {
        register: Register,
        value: i32,
        over: i16,
    },
    IfZero {
        register: Register,
        over: i16,
    },
    Exit,
}

impl Instruction {
    const fn encode(self) -> u64 {
        let (code, to, from, offset, value) = match self {
            Self::Copy { to, from } => (0xbf_u8, to as u8, from as u8, 0, 0),
            Self::Set { to, value } => (0xb7, to as u8, 0, 0, value),
            Self::Add { to, value } => (0x07, to as u8, 0, 0, value),
            Self::Read { to, field, word } => {
                (0x61, to as u8, Register::Context as u8, field as i16 + 4 * word, 0)
            }
            Self::Keep { value } => (0x62, Register::Frame as u8, 0, -4, value),
            Self::Call(function) => (0x85, 0, 0, 0, function),
            Self::Map { to, descriptor } => (0x18, to as u8, 1, 0, descriptor),
            Self::MapRest => (0x00, 0, 0, 0, 0),
            // Of the lower 32 bits, so that a value above 2^31 is none below zero.
            Self::UnlessEqual { register, value, over } => (0x56, register as u8, 0, over, value),
            Self::IfBelow { register, value, over } => (0xa6, register as u8, 0, over, value),
            Self::IfAbove { register, value, over } => (0x26, register as u8, 0, over, value),
            Self::IfZero { register, over } => (0x15, register as u8, 0, over, 0),
            Self::Exit => (0x95, 0, 0, 0, 0),
        };
        (code as u64)
            | ((to | (from << 4)) as u64) << 8
            | (offset.cast_unsigned() as u64) << 16
            | (value.cast_unsigned() as u64) << 32
    }
}

/// For each range in turn: unless a datagram is for it, look at the next; else assign the socket of its number.
fn program(ranges: &[Ports], map: RawFd) -> Vec<Instruction> {
    use Instruction::{Copy, Exit, Read, Set, UnlessEqual};
    let pass = [Set { to: Register::Result, value: SK_PASS }, Exit];
    let mut program = vec![
        Copy { to: Register::Context, from: Register::First },
        Read { to: Register::Second, field: Field::Protocol, word: 0 },
        UnlessEqual { register: Register::Second, value: libc::IPPROTO_UDP, over: 0 },
    ];
    let unless_udp = program.len() - 1;
    for (key, ports) in (0..).zip(ranges) {
        let assign = assign(key, map);
        program.extend(unless_for(*ports, assign.len()));
        program.extend(assign);
    }
    let over = distance(program.len() - unless_udp - 1);
    program[unless_udp] = UnlessEqual { register: Register::Second, value: libc::IPPROTO_UDP, over };
    program.extend(pass);
    program
}

/// Jumps over this and the next `length` unless the datagram is for one of `ports`.
fn unless_for(ports: Ports, length: usize) -> Vec<Instruction> {
    let (family, field, words) = match ports.address {
        IpAddr::V4(address) => (libc::AF_INET, Field::LocalIp4, vec![address.octets()]),
        IpAddr::V6(address) => (
            libc::AF_INET6,
            Field::LocalIp6,
            address.octets().chunks_exact(4).filter_map(|word| word.try_into().ok()).collect(),
        ),
    };
    let last = u32::from(ports.first) + ports.count.max(1) - 1;
    let steps = 2 + 2 * words.len() + 3;
    let mut made = Vec::with_capacity(steps);
    let register = Register::Second;
    let over = |made: &Vec<Instruction>| distance(steps - made.len() - 1 + length);
    made.push(Instruction::Read { to: register, field: Field::Family, word: 0 });
    made.push(Instruction::UnlessEqual { register, value: family, over: over(&made) });
    for (word, octets) in (0..).zip(words) {
        made.push(Instruction::Read { to: register, field, word });
        // The field is in network byte order.
        made.push(Instruction::UnlessEqual {
            register,
            value: i32::from_ne_bytes(octets),
            over: over(&made),
        });
    }
    // The port alone is in the machine's.
    made.push(Instruction::Read { to: register, field: Field::LocalPort, word: 0 });
    made.push(Instruction::IfBelow { register, value: ports.first.into(), over: over(&made) });
    made.push(Instruction::IfAbove { register, value: last.cast_signed(), over: over(&made) });
    made
}

fn assign(key: i32, map: RawFd) -> [Instruction; 16] {
    use Instruction::{Add, Call, Copy, Exit, IfZero, Keep, Map, MapRest, Set};
    [
        Keep { value: key },
        Map { to: Register::First, descriptor: map },
        MapRest,
        Copy { to: Register::Second, from: Register::Frame },
        Add { to: Register::Second, value: -4 },
        Call(MAP_LOOKUP_ELEM),
        IfZero { register: Register::Result, over: 7 },
        Copy { to: Register::Socket, from: Register::Result },
        Copy { to: Register::First, from: Register::Context },
        Copy { to: Register::Second, from: Register::Socket },
        Set { to: Register::Third, value: 0 },
        Call(SK_ASSIGN),
        Copy { to: Register::First, from: Register::Socket },
        Call(SK_RELEASE),
        Set { to: Register::Result, value: SK_PASS },
        Exit,
    ]
}

fn distance(instructions: usize) -> i16 {
    i16::try_from(instructions).unwrap_or(i16::MAX)
}
