//! Audio codecs, tones, resampling and concealment.
