//! Any datagram: it is a message, or an error that says what to answer. Every header that a message
//! has can be looked at.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sip::wire::{
    self, Authorization, Contact, Headers, Message, ParseError, Reason, RecordRoute, Route, Via, Warning, WwwAuthenticate,
};

fuzz_target!(|bytes: &[u8]| {
    match wire::parse(Bytes::copy_from_slice(bytes)) {
        Ok(Message::Request(request)) => {
            let _ = (request.uri.dialed(), request.uri.host(), request.body());
            look_at(&request.headers);
        }
        Ok(Message::Response(response)) => {
            let _ = response.body();
            look_at(&response.headers);
        }
        Err(ParseError::Drop(_) | ParseError::Answer(_)) => {}
    }
});

fn look_at(headers: &Headers) {
    headers.all::<Via>().for_each(drop);
    headers.all::<Contact>().for_each(drop);
    headers.all::<Route>().for_each(drop);
    headers.all::<RecordRoute>().for_each(drop);
    headers.all::<Reason>().for_each(drop);
    headers.all::<Warning>().for_each(drop);
    headers.all::<Authorization>().for_each(drop);
    headers.all::<WwwAuthenticate>().for_each(drop);
    headers.iter().for_each(drop);
}
