//! The media plane: workers that share nothing.
