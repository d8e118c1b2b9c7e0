//! The configuration file: text in, checked values out.
