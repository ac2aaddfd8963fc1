//! What a URL says about TLS, for both servers alike and with the meaning that libpq gives it.

// MySQL's driver can be given TLS where there are Unix sockets.
#[cfg(all(feature = "tls", any(feature = "postgres", unix)))]
mod client;
#[cfg(all(feature = "tls", any(feature = "postgres", unix)))]
mod verifier;

use std::path::PathBuf;

use crate::url::ServerUrl;
use crate::{Error, ErrorKind, Result};

#[cfg(all(feature = "tls", any(feature = "postgres", unix)))]
pub(crate) use client::{HandshakeError, TlsClient};

/// How much of TLS a connection must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Mode {
    Disable,
    /// If the server has it; whoever it is
    Prefer,
    /// Whoever the server is, unless there is a root certificate
    Require,
    /// The server's certificate must be signed by a known authority
    VerifyCa,
    /// And it must be for the host that the URL names
    VerifyFull,
}

/// Whose certificates are believed.
#[derive(Debug, PartialEq, Eq)]
enum Roots {
    /// Those of the authorities that the operating system knows
    System,
    /// Those in a PEM file
    File(PathBuf),
}

/// The TLS parameters of a URL.
#[derive(Debug)]
#[cfg_attr(
    not(feature = "tls"),
    expect(dead_code, reason = "there, it is only seen whether TLS is asked for")
)]
pub(crate) struct TlsOptions {
    mode: Mode,
    roots: Option<Roots>,
    /// The client's certificate and its key, PEM files both
    identity: Option<(PathBuf, PathBuf)>,
}

impl TlsOptions {
    /// Takes the parameters out of a URL, because the drivers do not know all of them.
    ///
    /// # Errors
    /// When a value is unknown, or they do not go together.
    pub(crate) fn take_from(url: &mut ServerUrl) -> Result<Self> {
        let mode = url.take(["sslmode", "ssl-mode"])?.map(|mode| Mode::parse(&mode)).transpose()?;
        let roots = url.take(["sslrootcert", "ssl-ca"])?.map(|roots| match roots.as_str() {
            "system" => Roots::System,
            _ => Roots::File(roots.into()),
        });
        let certificate = url.take(["sslcert", "ssl-cert"])?.map(PathBuf::from);
        let key = url.take(["sslkey", "ssl-key"])?.map(PathBuf::from);
        let identity = match (certificate, key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some((certificate, key)),
            _ => return Err(wrong("`sslcert` and `sslkey` belong together, and the URL has one of them")),
        };
        let mode = match (mode, &roots) {
            (Some(Mode::VerifyCa | Mode::VerifyFull), None) => {
                return Err(wrong(
                    "the URL wants the server's certificate verified, and names no root certificate\n\n\
                     hint: add `sslrootcert=` and the path of a PEM file, or `sslrootcert=system` for the authorities that the \
                     operating system knows",
                ));
            }
            // Anybody can have a certificate from one of these for a host of their own.
            (Some(mode), Some(Roots::System)) if mode != Mode::VerifyFull => {
                return Err(wrong("`sslrootcert=system` is of use with `sslmode=verify-full` alone"));
            }
            (Some(mode), _) => mode,
            (None, None) => Mode::Prefer,
            (None, Some(Roots::File(_))) => Mode::VerifyCa,
            (None, Some(Roots::System)) => Mode::VerifyFull,
        };
        Ok(Self { mode, roots, identity })
    }

    /// Refuses what cannot be had in this program, so that nobody takes a plain connection for an encrypted one.
    #[cfg(any(not(feature = "tls"), all(feature = "mysql", not(unix))))]
    pub(crate) fn refuse(&self) -> Result<()> {
        if self.mode <= Mode::Prefer {
            return Ok(());
        }
        let reason = if cfg!(feature = "tls") {
            "`connect` has none to MySQL and MariaDB on this operating system\n\n\
             hint: make a connection with TLS, and pass it to `mysql`"
        } else {
            "the `tls` feature of embed-migrations is off in this program"
        };
        Err(Error::new(ErrorKind::Unsupported, format!("the URL asks for TLS, and {reason}")))
    }
}

impl Mode {
    /// Reads the words of PostgreSQL and those of MySQL.
    fn parse(text: &str) -> Result<Self> {
        match text.to_ascii_lowercase().replace('_', "-").as_str() {
            "disable" | "disabled" => Ok(Self::Disable),
            "prefer" | "preferred" => Ok(Self::Prefer),
            "require" | "required" => Ok(Self::Require),
            "verify-ca" => Ok(Self::VerifyCa),
            "verify-full" | "verify-identity" => Ok(Self::VerifyFull),
            _ => Err(wrong(&format!(
                "`sslmode={text}` is none that there is\n\n\
                 hint: it is `disable`, `prefer`, `require`, `verify-ca` or `verify-full`"
            ))),
        }
    }
}

fn wrong(message: &str) -> Error {
    Error::new(ErrorKind::Url, message)
}
