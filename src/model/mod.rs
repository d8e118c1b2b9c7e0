//! Plain data that every room speaks.
