//! STUN binding requests on the SIP port: keep-alives that ask where they came from (RFC 5626
//! §3.5.2, RFC 8489).

use bytes::{BufMut as _, Bytes, BytesMut};
use core::net::{IpAddr, SocketAddr};

/// RFC 8489 §5.
const MAGIC_COOKIE: u32 = 0x2112_a442;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
/// RFC 8489 §14.2.
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const HEADER_LEN: usize = 20;

/// Whether a datagram is STUN, which no SIP message can be taken for (RFC 8489 §6.3).
pub fn is_stun(datagram: &[u8]) -> bool {
    let cookie = datagram.get(4..8).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    datagram.first().is_some_and(|first| *first < 4) && cookie == Some(MAGIC_COOKIE)
}

/// The answer to a binding request from `source`; nothing else is answered.
pub fn answer(datagram: &[u8], source: SocketAddr) -> Option<Bytes> {
    let (header, attributes) = datagram.split_at_checked(HEADER_LEN)?;
    let [kind @ .., _, _] = header.first_chunk::<4>()?;
    let [_, _, len @ ..] = header.first_chunk::<4>()?;
    let transaction: [u8; 16] = header.get(4..)?.try_into().ok()?;
    let is_whole = usize::from(u16::from_be_bytes(*len)) == attributes.len();
    if !is_stun(datagram) || u16::from_be_bytes(*kind) != BINDING_REQUEST || !is_whole {
        return None;
    }
    let address = xored(source, transaction);
    let mut out = BytesMut::with_capacity(HEADER_LEN + 24);
    out.put_u16(BINDING_SUCCESS);
    out.put_u16(u16::try_from(address.len() + 4).ok()?);
    out.put_slice(&transaction);
    out.put_u16(XOR_MAPPED_ADDRESS);
    out.put_u16(u16::try_from(address.len()).ok()?);
    out.put_slice(&address);
    Some(out.freeze())
}

/// RFC 8489 §14.2: an address under the cookie, and for IPv6 the transaction id behind it.
fn xored(source: SocketAddr, key: [u8; 16]) -> Bytes {
    let mut out = BytesMut::with_capacity(20);
    let port = source.port() ^ u16::try_from(MAGIC_COOKIE >> 16).unwrap_or_default();
    let put = |out: &mut BytesMut, family: u16, octets: &[u8]| {
        out.put_u16(family);
        out.put_u16(port);
        out.extend(octets.iter().zip(key).map(|(octet, key)| octet ^ key));
    };
    match source.ip().to_canonical() {
        IpAddr::V4(v4) => put(&mut out, 1, &v4.octets()),
        IpAddr::V6(v6) => put(&mut out, 2, &v6.octets()),
    }
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &[u8] =
        b"\x00\x01\x00\x00\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae";

    #[test]
    fn rfc8489_14_2_a_binding_request_learns_where_it_came_from() {
        let v4 = answer(REQUEST, "192.0.2.1:32853".parse().expect("an address")).expect("an answer");
        // The address of RFC 5769 §2.2.
        assert_eq!(v4.get(20..), Some(&b"\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43"[..]));
        assert_eq!((v4.get(..4), v4.get(4..20)), (Some(&b"\x01\x01\x00\x0c"[..]), REQUEST.get(4..20)));
        let v6 = "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().expect("an address");
        let v6 = answer(REQUEST, v6).expect("an answer");
        // The address of RFC 5769 §2.3.
        let xored = b"\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9";
        assert_eq!(v6.get(24..), Some(&xored[..]));
    }

    #[test]
    fn rfc8489_6_3_whatever_else_is_not_answered() {
        let source = "192.0.2.1:1".parse().expect("an address");
        for (name, at, byte) in
            [("an indication", 1, 0x11), ("another cookie", 5, 0), ("a length that is not there", 3, 8)]
        {
            let mut request = REQUEST.to_vec();
            if let Some(old) = request.get_mut(at) {
                *old = byte;
            }
            assert_eq!(answer(&request, source), None, "{name}");
        }
        assert_eq!(answer(b"\r\n\r\n", source), None);
    }
}
