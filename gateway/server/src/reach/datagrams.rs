//! A course over UDP.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

use probe::{Cookie, Course, Kind, MAX, MIN, Packet};
use tokio::{
    net::UdpSocket,
    time::{Instant, timeout},
};

use super::plan::Load;

/// How often a question is asked again that is not answered, and how long each answer may take.
const TRIES: u32 = 6;
const PATIENCE: Duration = Duration::from_millis(500);
/// How long what is on its way may take once the last is sent.
const STRAGGLERS: Duration = Duration::from_secs(1);
/// The first question has room for all that may be answered, and is no longer than a voice's packet.
const ASK: usize = 172;

/// A source that the gateway has given a cookie.
#[derive(Debug)]
pub(super) struct Talk {
    socket: UdpSocket,
    began: Instant,
    cookie: Cookie,
    /// Where the gateway says that media is probed.
    pub(super) media: Vec<SocketAddr>,
}

impl Talk {
    /// Gets a cookie; `TimedOut` if nothing comes back, `ConnectionRefused` if nobody is there.
    pub(super) async fn open(gateway: SocketAddr) -> io::Result<Self> {
        let any: SocketAddr = match gateway {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let socket = UdpSocket::bind(any).await?;
        socket.connect(gateway).await?;
        let mut talk = Self { socket, began: Instant::now(), cookie: [0; 16], media: Vec::new() };
        let mut buffer = [0; MAX];
        for sequence in 0..TRIES {
            talk.send(&Packet::ask(sequence), ASK).await?;
            if let Ok(answer) = timeout(PATIENCE, talk.receive(&mut buffer, Kind::Cookie)).await {
                let (length, packet) = answer?;
                talk.cookie = packet.cookie;
                talk.media = probe::media(&buffer[..length]).collect();
                return Ok(talk);
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }

    /// Asks for so many echoes, one by one as the pace says, and waits for what is on its way.
    pub(super) async fn course(&mut self, load: Load) -> io::Result<Course> {
        let (mut course, began) = (Course::default(), Instant::now());
        let mut buffer = [0; MAX];
        for sequence in 1..=load.packets {
            let due = began + load.pace.every * (sequence - 1);
            self.take_until(due, &mut buffer, &mut course).await?;
            let echo = Packet { kind: Kind::Echo, ..self.packet(sequence) };
            self.send(&echo, load.pace.octets).await?;
            course.on_sent();
        }
        let until = Instant::now() + STRAGGLERS;
        while course.figures().answered < load.packets && Instant::now() < until {
            let step = until.min(Instant::now() + STRAGGLERS / 10);
            self.take_until(step, &mut buffer, &mut course).await?;
        }
        self.count(&mut buffer, &mut course).await?;
        Ok(course)
    }

    /// Learns how many came, so that loss is told by direction. Without an answer it is not.
    async fn count(&self, buffer: &mut [u8], course: &mut Course) -> io::Result<()> {
        for sequence in 0..TRIES {
            self.send(&Packet { kind: Kind::Count, ..self.packet(sequence) }, MIN).await?;
            if let Ok(answer) = timeout(PATIENCE, self.receive(buffer, Kind::Counted)).await {
                course.on_answer(self.nanos(), &answer?.1);
                break;
            }
        }
        Ok(())
    }

    async fn take_until(&self, due: Instant, buffer: &mut [u8], course: &mut Course) -> io::Result<()> {
        while let Ok(answer) = tokio::time::timeout_at(due, self.receive(buffer, Kind::Echoed)).await {
            course.on_answer(self.nanos(), &answer?.1);
        }
        Ok(())
    }

    /// The next answer of this kind; what else comes tells nothing.
    async fn receive(&self, buffer: &mut [u8], wanted: Kind) -> io::Result<(usize, Packet)> {
        loop {
            let length = self.socket.recv(buffer).await?;
            if let Ok(packet) = Packet::read(&buffer[..length])
                && packet.kind == wanted
            {
                return Ok((length, packet));
            }
        }
    }

    async fn send(&self, packet: &Packet, octets: usize) -> io::Result<()> {
        let mut bytes = vec![0; octets];
        packet.write(&mut bytes);
        self.socket.send(&bytes).await.map(drop)
    }

    fn packet(&self, sequence: u32) -> Packet {
        Packet { cookie: self.cookie, sent: self.nanos(), ..Packet::ask(sequence) }
    }

    fn nanos(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
