//! The cases of RFC 4475 and RFC 5118: written afresh, and as the RFCs have them where they are at hand.

mod files;
mod judge;
mod table;
