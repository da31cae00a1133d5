//! A course over TCP.

use std::{io, net::SocketAddr, time::Duration};

use bytes::BytesMut;
use probe::{Cookie, Course, Frame, Kind, Packet};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};

use super::plan::Load;

/// How long the connection, and each answer, may take.
const PATIENCE: Duration = Duration::from_secs(3);
const ASK: usize = 172;

struct Talk {
    stream: TcpStream,
    read: BytesMut,
    began: Instant,
}

/// Asks for so many echoes over a connection; `TimedOut` if nothing comes back, `ConnectionRefused` if nobody is there.
pub(super) async fn course(gateway: SocketAddr, load: Load) -> io::Result<Course> {
    let stream = timeout(PATIENCE, TcpStream::connect(gateway)).await??;
    stream.set_nodelay(true)?;
    let mut talk = Talk { stream, read: BytesMut::new(), began: Instant::now() };
    talk.send(&Packet::ask(0), ASK).await?;
    let cookie = timeout(PATIENCE, talk.next(Kind::Cookie)).await??.cookie;
    talk.echoes(cookie, load).await
}

impl Talk {
    async fn echoes(&mut self, cookie: Cookie, load: Load) -> io::Result<Course> {
        let (mut course, began) = (Course::default(), Instant::now());
        for sequence in 1..=load.packets {
            self.take_until(began + load.pace.every * (sequence - 1), &mut course).await?;
            let sent = self.nanos();
            self.send(&Packet { kind: Kind::Echo, cookie, sent, ..Packet::ask(sequence) }, load.pace.octets)
                .await?;
            course.on_sent();
        }
        let until = Instant::now() + PATIENCE;
        while course.figures().answered < load.packets && Instant::now() < until {
            let Ok(answer) = timeout_at(until, self.next(Kind::Echoed)).await else { break };
            course.on_answer(self.nanos(), &answer?);
        }
        Ok(course)
    }

    async fn take_until(&mut self, due: Instant, course: &mut Course) -> io::Result<()> {
        while let Ok(answer) = timeout_at(due, self.next(Kind::Echoed)).await {
            course.on_answer(self.nanos(), &answer?);
        }
        Ok(())
    }

    /// The next answer of this kind. Given up half-way, it goes on where it was.
    async fn next(&mut self, wanted: Kind) -> io::Result<Packet> {
        loop {
            match probe::frame(&self.read) {
                Frame::Whole(length) => {
                    let packet = Packet::read(&self.read.split_to(length));
                    if let Some(packet) = packet.ok().filter(|packet| packet.kind == wanted) {
                        return Ok(packet);
                    }
                }
                Frame::Part if self.stream.read_buf(&mut self.read).await? == 0 => {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Frame::Part => {}
                Frame::Broken => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
    }

    async fn send(&mut self, packet: &Packet, octets: usize) -> io::Result<()> {
        let mut bytes = vec![0; octets];
        packet.write(&mut bytes);
        timeout(PATIENCE, self.stream.write_all(&bytes)).await?
    }

    fn nanos(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}
