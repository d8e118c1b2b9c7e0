//! As much of HTTP/1.1 as the mock needs.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A request.
pub struct Request {
    pub method: String,
    pub path: String,
    /// The API key, by whichever header it came.
    pub key: Option<String>,
    pub body: Vec<u8>,
}

/// Both ends of a connection.
pub fn open(stream: TcpStream) -> io::Result<(BufReader<TcpStream>, TcpStream)> {
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    stream.set_nodelay(true)?;
    Ok((BufReader::new(stream.try_clone()?), stream))
}

/// The next request of a connection; none at its end.
pub fn read(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (mut length, mut chunked, mut key) = (0, false, None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let Some((name, value)) = header.trim().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or(0),
            "transfer-encoding" => chunked = value.contains("chunked"),
            "x-api-key" | "x-goog-api-key" => key = Some(value.trim().to_owned()),
            "authorization" => key = Some(value.trim().trim_start_matches("Bearer ").to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    if chunked {
        body = read_chunks(reader)?;
    } else {
        reader.read_exact(&mut body)?;
    }
    Ok(Some(Request { method, path, key, body }))
}

fn read_chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut size = String::new();
        reader.read_line(&mut size)?;
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk)?;
        if size == 0 {
            return Ok(body);
        }
        body.extend_from_slice(&chunk[..size]);
    }
}

/// A whole answer.
pub fn respond(
    stream: &mut TcpStream,
    status: u16,
    headers: &[(&str, String)],
    body: &str,
) -> io::Result<()> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    write!(
        stream,
        "HTTP/1.1 {status} Mock\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

const STREAM: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";

/// Server-sent events, with a pause before each; the connection's end is theirs.
pub fn stream(stream: &mut TcpStream, events: &[String], pause: Duration) -> io::Result<()> {
    stream.write_all(STREAM.as_bytes())?;
    for event in events {
        std::thread::sleep(pause);
        stream.write_all(event.as_bytes())?;
        stream.flush()?;
    }
    Ok(())
}

/// The first half of them, cut off in the middle of one.
pub fn cut(stream: &mut TcpStream, events: &[String]) -> io::Result<()> {
    let all = events.concat();
    let half = all.get(..all.floor_char_boundary(all.len() / 2)).unwrap_or_default();
    // A length that is never reached tells the client that this is not the end.
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{half}",
        all.len()
    )
}
