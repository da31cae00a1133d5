//! Session keys from a master key (RFC 3711 §4.3), derived once: a key derivation rate is not taken (RFC 4568 §6.3.1).

use aes::{Aes128, Aes256};
use ctr::{
    Ctr128BE,
    cipher::{KeyIvInit, StreamCipher},
};
use terms::media::SrtpKey;

/// RFC 3711 §4.3.1: the longest session key is the one of AES-256.
pub(super) const MAX_KEY: usize = 32;
/// RFC 3711 §4.3.1: the salt, 112 bits; of 96 for GCM (RFC 7714 §11).
pub(super) const SALT: usize = 14;
/// RFC 3711 §5.2: of HMAC-SHA1.
pub(super) const MAC_KEY: usize = 20;

/// Which packets the keys are for; the labels of RFC 3711 §4.3.2 begin there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Rtp = 0,
    Rtcp = 3,
}

/// Keys of one direction, for RTP or RTCP.
pub(super) struct SessionKeys {
    pub(super) cipher: [u8; MAX_KEY],
    pub(super) mac: [u8; MAC_KEY],
    pub(super) salt: [u8; SALT],
}

impl SessionKeys {
    pub(super) fn derive(key: &SrtpKey, of: Use) -> Self {
        let first = of as u8;
        let mut keys = Self { cipher: [0; MAX_KEY], mac: [0; MAC_KEY], salt: [0; SALT] };
        let (master, salt) = key.master.reveal().split_at(key.suite.key_len());
        let (used, _) = keys.cipher.split_at_mut(key.suite.key_len());
        generate(master, salt, first, used);
        generate(master, salt, first + 1, &mut keys.mac);
        let (used, _) = keys.salt.split_at_mut(key.suite.salt_len());
        generate(master, salt, first + 2, used);
        keys
    }
}

impl Drop for SessionKeys {
    fn drop(&mut self) {
        self.cipher.fill(0);
        self.mac.fill(0);
        self.salt.fill(0);
        std::hint::black_box((&self.cipher, &self.mac, &self.salt));
    }
}

/// The pseudo-random function of RFC 3711 §4.3.3, of RFC 6188 §3 under longer keys. RFC 7714 §11: a salt of 96 bits
/// has zeros behind it.
fn generate(master: &[u8], salt: &[u8], label: u8, out: &mut [u8]) {
    const LABEL_AT: usize = 7;
    let mut block = [0; 16];
    for (octet, salt) in block.iter_mut().zip(salt) {
        *octet = *salt;
    }
    if let Some(octet) = block.get_mut(LABEL_AT) {
        *octet ^= label;
    }
    out.fill(0);
    if let Ok(mut keystream) = Ctr128BE::<Aes256>::new_from_slices(master, &block) {
        keystream.apply_keystream(out);
    } else if let Ok(mut keystream) = Ctr128BE::<Aes128>::new_from_slices(master, &block) {
        keystream.apply_keystream(out);
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::octets;
    use super::*;

    type Vector = (&'static str, &'static str, [(u8, &'static str); 3]);

    #[test]
    fn rfc3711_b_3_and_rfc6188_7_2_keys_are_derived() {
        let vectors: [Vector; 2] = [
            (
                "E1F97A0D3E018BE0D64FA32C06DE4139",
                "0EC675AD498AFEEBB6960B3AABE6",
                [
                    (0, "C61E7A93744F39EE10734AFE3FF7A087"),
                    (
                        1,
                        "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCE\
                         E049646C43D9327AD175578EF72270986371C10C9A369AC2F94A8C5FBCDDDC25\
                         6D6E919A48B610EF17C2041E474035766B68642C59BBFC2F34DB60DBDFB2",
                    ),
                    (2, "30CBBC08863D8C85D49DB34A9AE1"),
                ],
            ),
            (
                "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6",
                "3b04803de51ee7c96423ab5b78d2",
                [
                    (0, "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4"),
                    (1, "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05"),
                    (2, "fa31791685ca444a9e07c6c64e93"),
                ],
            ),
        ];
        for (master, salt, derived) in vectors {
            for (label, expected) in derived {
                let expected = octets(expected);
                let mut out = vec![0; expected.len()];
                generate(&octets(master), &octets(salt), label, &mut out);
                assert_eq!(out, expected, "{master} {label}");
            }
        }
    }
}
