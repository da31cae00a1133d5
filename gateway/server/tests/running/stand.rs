//! A gateway in the test's own process.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    path::{Path, PathBuf},
};

use server::{config, program::Gateway};

/// A gateway on free ports, its state in a folder of its own.
pub(crate) struct Stand {
    gateway: Gateway,
    /// Where it speaks SIP.
    pub(crate) sip: SocketAddr,
    /// And by TCP.
    pub(crate) tcp: SocketAddr,
    /// Where it is administered.
    pub(crate) http: SocketAddr,
    media: SocketAddr,
    folder: PathBuf,
    /// What its configuration has besides.
    more: String,
}

impl Stand {
    /// Starts one that knows nothing yet.
    pub(crate) async fn start() -> Self {
        Self::start_with(String::new()).await
    }

    /// Starts one whose configuration ends with `more`.
    pub(crate) async fn start_with(more: String) -> Self {
        let (sip, media) = (free_udp(1), free_udp(64));
        let [tcp, http] = free_tcp();
        let folder =
            std::env::temp_dir().join(format!("gateway-calls-{}-{}", std::process::id(), sip.port()));
        fs::create_dir_all(&folder).expect("a folder");
        copy_prompts(&folder.join("prompts/zh")).expect("the shipped recordings");
        Self::on((folder, more), [sip, tcp, http, media]).await
    }

    async fn on((folder, more): (PathBuf, String), addresses: [SocketAddr; 4]) -> Self {
        let text = config_text(&folder, addresses) + &more;
        let config = config::parse("stand.toml", &text, &[]).expect("a sound configuration");
        let gateway = Gateway::start(config).await.expect("it starts");
        let [sip, tcp, http, media] = addresses;
        Self { gateway, sip, tcp, http, media, folder, more }
    }

    /// Ends it and starts it again on the same state.
    pub(crate) async fn restart(self) -> Self {
        let Self { gateway, sip, tcp, http, folder, more, .. } = self;
        gateway.stop().await.expect("it ends well");
        Self::on((folder, more), [sip, tcp, http, free_udp(64)]).await
    }

    /// Has it take its configuration again, with `change` made to the text.
    pub(crate) async fn reload(&mut self, change: impl FnOnce(String) -> String) -> Vec<&'static str> {
        let addresses = [self.sip, self.tcp, self.http, self.media];
        let text = change(config_text(&self.folder, addresses) + &self.more);
        let config = config::parse("stand.toml", &text, &[]).expect("a sound configuration");
        self.gateway.reload(config).await
    }

    /// Where its media is probed.
    pub(crate) fn media_probe(&self) -> SocketAddr {
        SocketAddr::new(self.media.ip(), self.media.port() + 62)
    }

    /// Returns once it takes no calls and has none.
    pub(crate) async fn drained(&self) {
        self.gateway.drained().await;
    }

    /// Ends it, and nothing of it is left.
    pub(crate) async fn stop(self) {
        self.gateway.stop().await.expect("it ends well");
        fs::remove_dir_all(&self.folder).ok();
    }
}

/// Only what these calls hear: reading all takes seconds.
fn copy_prompts(folder: &Path) -> std::io::Result<()> {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conf/prompts/zh");
    fs::create_dir_all(folder)?;
    for name in ["welcome.wav", "ask-meeting-id.wav", "ask-password.wav", "joined-as-guest.wav"] {
        fs::copy(shipped.join(name), folder.join(name))?;
    }
    Ok(())
}

fn config_text(folder: &Path, [sip, tcp, http, media]: [SocketAddr; 4]) -> String {
    format!(
        r#"
        state = "{state}"
        prompts = "{prompts}"
        [[listener]]
        zone = "trunk"
        transport = "udp"
        address = "{sip}"
        registrar = "on"
        [[listener]]
        zone = "trunk"
        transport = "tcp"
        address = "{tcp}"
        [[media.range]]
        zone = "trunk"
        address = "127.0.0.1"
        ports = "{first}-{last}"
        probe = {probe}
        [http]
        address = "{http}"
        token = "test-token"
        [[trunk]]
        name = "local"
        zone = "trunk"
        peers = ["127.0.0.0/8"]
        [[tenant]]
        name = "test"
        [[account]]
        name = "room1"
        tenant = "test"
        password = "secret-1"
        [[licence]]
        tenant = "test"
        type = "third-party"
        count = 2
        [[meetings]]
        ids = "900100001-900100002"
        tenant = "test"
        host_password = "4321"
        guest_password = "1234"
        [[access_number]]
        number = "02153290005"
        languages = ["zh"]
        [dialplan]
        routes = ["02153290005 -> ivr", "9001 -> app:echo", "9009 -> refuse(17)"]
        "#,
        state = folder.join("state").display(),
        prompts = folder.join("prompts").display(),
        first = media.port(),
        last = media.port() + 61,
        probe = media.port() + 62,
    )
}

/// The first of `count` neighbouring ports that are free, an even one.
fn free_udp(count: u16) -> SocketAddr {
    let run_of = |_| {
        let probe = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
        let first = probe.local_addr().ok()?.port() & !1;
        drop(probe);
        let mut run = first..first.checked_add(count)?;
        let bound: Result<Vec<_>, _> =
            run.clone().map(|port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port))).collect();
        bound.ok().and(run.next())
    };
    let first = (0..100).find_map(run_of).expect("free ports in a row");
    (Ipv4Addr::LOCALHOST, first).into()
}

pub(crate) fn free_tcp() -> [SocketAddr; 2] {
    // Held together, so that they differ.
    let probes = [(); 2].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port"));
    probes.map(|probe| probe.local_addr().expect("bound"))
}
