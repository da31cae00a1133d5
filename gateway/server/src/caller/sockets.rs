//! The three sockets of a caller.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use sdp::LocalDescription;
use tokio::{
    net::UdpSocket,
    time::{Instant, sleep_until},
};

/// The longest datagram there is.
const MAX_DATAGRAM: usize = 65_535;
/// Room for 60 ms of G.711 and a header with all it may have.
const MAX_PACKET: usize = 2_048;

/// Our own address on the way to `gateway`, as the operating system routes.
pub fn route_to(gateway: SocketAddr) -> io::Result<IpAddr> {
    let any: IpAddr = match gateway {
        SocketAddr::V4(_) => [0; 4].into(),
        SocketAddr::V6(_) => [0; 16].into(),
    };
    let socket = std::net::UdpSocket::bind((any, 0))?;
    socket.connect(gateway)?;
    Ok(socket.local_addr()?.ip())
}

#[derive(Debug)]
pub(super) struct Sockets {
    /// Connected, so that ICMP tells when nobody is there.
    sip: UdpSocket,
    rtp: UdpSocket,
    /// Takes the gateway's reports, so that they meet no closed port.
    rtcp: UdpSocket,
    sip_buffer: Vec<u8>,
    rtp_buffer: Vec<u8>,
    rtcp_buffer: Vec<u8>,
}

/// Where the sockets are.
#[derive(Debug)]
pub(super) struct Local {
    pub(super) sip: SocketAddr,
    pub(super) media: LocalDescription,
}

/// What a caller woke for; a datagram's length, where it is one.
#[derive(Debug)]
pub(super) enum Woken {
    Sip(io::Result<usize>),
    Rtp(io::Result<usize>),
    Rtcp,
    Due,
    Stop,
}

impl Sockets {
    pub(super) async fn bind(local: IpAddr, gateway: SocketAddr) -> io::Result<Self> {
        let (sip, rtp) = (UdpSocket::bind((local, 0)).await?, UdpSocket::bind((local, 0)).await?);
        sip.connect(gateway).await?;
        // Until the runtime has seen that a socket takes datagrams, it takes none without waiting.
        sip.writable().await?;
        rtp.writable().await?;
        Ok(Self {
            sip,
            rtp,
            rtcp: UdpSocket::bind((local, 0)).await?,
            sip_buffer: vec![0; MAX_DATAGRAM],
            rtp_buffer: vec![0; MAX_PACKET],
            rtcp_buffer: vec![0; MAX_PACKET],
        })
    }

    pub(super) fn local(&self) -> io::Result<Local> {
        let rtcp = self.rtcp.local_addr()?;
        let media = LocalDescription { rtcp, ..LocalDescription::new(self.rtp.local_addr()?) };
        Ok(Local { sip: self.sip.local_addr()?, media })
    }

    pub(super) async fn wait(&mut self, due: Instant) -> Woken {
        let Self { sip, rtp, rtcp, sip_buffer, rtp_buffer, rtcp_buffer } = self;
        tokio::select! {
            received = sip.recv(sip_buffer) => Woken::Sip(received),
            received = rtp.recv(rtp_buffer) => Woken::Rtp(received),
            _ = rtcp.recv(rtcp_buffer) => Woken::Rtcp,
            () = sleep_until(due) => Woken::Due,
        }
    }

    /// The datagram that [`Woken::Sip`] told of.
    pub(super) fn sip_datagram(&self, length: usize) -> &[u8] {
        &self.sip_buffer[..length]
    }

    /// The packet that [`Woken::Rtp`] told of.
    pub(super) fn rtp_packet(&self, length: usize) -> &[u8] {
        &self.rtp_buffer[..length]
    }

    /// What the kernel does not take is lost; the endpoint sends it again.
    pub(super) fn send_sip(&self, bytes: &[u8], to: SocketAddr) {
        self.sip.try_send_to(bytes, to).ok();
    }

    /// What the kernel does not take is lost, as on the network.
    pub(super) fn send_rtp(&self, bytes: &[u8], to: SocketAddr) {
        self.rtp.try_send_to(bytes, to).ok();
    }
}
