//! The URL of a server, as people write it: any character may be in a password.

use std::fmt;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, percent_encode};

use crate::{Error, ErrorKind, Result};

/// A server's URL in its parts. It may hold a password, so there is no `Debug`; [`Display`](fmt::Display) is for the driver.
pub(crate) struct ServerUrl {
    scheme: String,
    /// User and password, escaped
    login: Option<String>,
    /// Hosts, ports and database
    place: String,
    /// Names and values as they were written
    parameters: Vec<(String, String)>,
}

impl ServerUrl {
    /// Takes a URL apart. What is not escaped in the user and the password is, unless that leaves two ways to read it: a part
    /// of the password could then be taken for a host, and shown.
    ///
    /// # Errors
    /// When there is not exactly one way to read it. No part of it is repeated.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        let (scheme, rest) = url.split_once("://").ok_or_else(|| unreadable("is not one of a server"))?;
        // Each `@` may be the end of the login, or there is none.
        let ends = std::iter::once(None).chain(rest.match_indices('@').map(|(at, _)| Some(at)));
        let mut readings = ends.filter_map(|end| Self::read(scheme, rest, end));
        let reading = readings.next().ok_or_else(|| unreadable("is not one of a server"))?;
        match readings.next() {
            None => Ok(reading),
            Some(_) => Err(unreadable("can be read in more than one way")),
        }
    }

    /// The URL, if its login ends there.
    fn read(scheme: &str, rest: &str, login_end: Option<usize>) -> Option<Self> {
        let (login, rest) = match login_end {
            Some(end) => (Some(&rest[..end]), &rest[end + 1..]),
            None => (None, rest),
        };
        let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
        // Most of the places of an `@` are none: seen at the next one, or a long password would take for ever.
        if place.contains('@') || !is_place(place) {
            return None;
        }
        let parameters = parameters.split('&').filter(|parameter| !parameter.is_empty()).map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            let is_name =
                !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.".contains(&b));
            is_name.then(|| (name.to_owned(), value.to_owned()))
        });
        let parameters = parameters.collect::<Option<Vec<_>>>()?;
        let login = match login.map(|login| login.split_once(':').unwrap_or((login, ""))) {
            Some((user, _)) if user.contains(['/', '?', '#']) => return None,
            Some((user, "")) => Some(escaped(user)),
            Some((user, password)) => Some(format!("{}:{}", escaped(user), escaped(password))),
            None => None,
        };
        Some(Self { scheme: scheme.to_owned(), login, place: place.to_owned(), parameters })
    }

    /// What it leads to, without login and parameters: nothing of it is secret.
    pub(crate) fn shown(&self) -> String {
        format!("{}://{}", self.scheme, self.place)
    }

    /// The hosts with their ports, or the socket, whatever the login and the database.
    pub(crate) fn server(&self) -> String {
        let (kind, port) =
            if self.scheme.starts_with("postgres") { ("postgres", 5432) } else { ("mysql", 3306) };
        let (hosts, _) = self.place.split_once('/').unwrap_or((&self.place, ""));
        let with_port = |host: &str| {
            let has_port = host.rfind(':') > host.rfind(']');
            if has_port || host.is_empty() { host.to_owned() } else { format!("{host}:{port}") }
        };
        let hosts: Vec<String> = hosts.split(',').map(with_port).collect();
        let elsewhere = self
            .parameters
            .iter()
            .filter(|(name, _)| ["host", "hostaddr", "port", "socket"].contains(&&**name));
        let elsewhere: String = elsewhere.map(|(name, value)| format!("&{name}={value}")).collect();
        percent_decode_str(&format!("{kind}://{}{elsewhere}", hosts.join(",")))
            .decode_utf8_lossy()
            .to_lowercase()
    }

    /// The database that it names.
    #[cfg(feature = "_source")]
    pub(crate) fn database(&self) -> Option<String> {
        let (_, database) = self.place.split_once('/')?;
        Some(percent_decode_str(database).decode_utf8_lossy().into_owned()).filter(|name| !name.is_empty())
    }

    /// Names another database, or none.
    pub(crate) fn set_database(&mut self, name: Option<&str>) {
        self.parameters.retain(|(parameter, _)| parameter != "dbname");
        let hosts = self.place.split_once('/').map_or(self.place.as_str(), |(hosts, _)| hosts);
        // A name as the server has it: a `%` in it is itself.
        let name = name.map(|name| percent_encode(name.as_bytes(), NON_ALPHANUMERIC).to_string());
        self.place = format!("{hosts}/{}", name.unwrap_or_default());
    }

    /// Takes out how long a connection may take to be made, where the URL says; zero is no limit.
    ///
    /// # Errors
    /// When it is no whole number of seconds.
    pub(crate) fn take_connect_timeout(&mut self) -> Result<Option<Duration>> {
        let Some(text) = self.take(["connect_timeout", "connect-timeout"])? else { return Ok(None) };
        let seconds: i32 = text.parse().map_err(|_| {
            Error::new(
                ErrorKind::Url,
                "`connect_timeout` in the URL is no number of seconds\n\nhint: write `connect_timeout=10`, or 0 for no limit",
            )
        })?;
        // As libpq has it, which counts what is negative as zero.
        Ok(Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0))))
    }

    /// Takes a parameter out, by any of its names. An empty value is none.
    ///
    /// # Errors
    /// When it is there twice.
    pub(crate) fn take(&mut self, names: [&str; 2]) -> Result<Option<String>> {
        let mut taken = Vec::new();
        self.parameters.retain(|(name, value)| {
            let is_it = names.contains(&name.as_str());
            if is_it && !value.is_empty() {
                taken.push(percent_decode_str(value).decode_utf8_lossy().into_owned());
            }
            !is_it
        });
        if taken.len() > 1 {
            let message = format!("the URL has more than one of `{}` and `{}`", names[0], names[1]);
            return Err(Error::new(ErrorKind::Url, message));
        }
        Ok(taken.pop())
    }
}

/// Waits for a connection, but not for ever: a server may accept and say nothing.
pub(crate) async fn within<T>(
    limit: Duration,
    doing: &str,
    connecting: impl Future<Output = Result<T>>,
) -> Result<T> {
    if limit.is_zero() {
        return connecting.await;
    }
    tokio::time::timeout(limit, connecting).await.unwrap_or_else(|_| {
        Err(Error::new(
            ErrorKind::Database,
            format!(
                "cannot {doing}: no answer within {} s\n\nhint: `connect_timeout=60` in the URL waits longer, and 0 without limit",
                limit.as_secs()
            ),
        ))
    })
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme)?;
        if let Some(login) = &self.login {
            write!(f, "{login}@")?;
        }
        f.write_str(&self.place)?;
        for (at, (name, value)) in self.parameters.iter().enumerate() {
            // The driver takes what is before the first `@` for the login.
            write!(f, "{}{name}={}", if at == 0 { '?' } else { '&' }, value.replace('@', "%40"))?;
        }
        Ok(())
    }
}

/// A server's URL with what has to be escaped in its user and password escaped. For cargo-migrate; no part of the public
/// interface. Other URLs, and those that [`connect`](crate::Migrations::connect) refuses, stay.
#[cfg(feature = "_source")]
#[doc(hidden)]
#[must_use]
pub fn escaped_url(url: &str) -> String {
    let read = if url.starts_with("sqlite:") { None } else { ServerUrl::parse(url).ok() };
    read.map_or_else(|| url.to_owned(), |url| url.to_string())
}

/// Says nothing of the URL's text, which may hold a password.
fn unreadable(what: &str) -> Error {
    Error::new(
        ErrorKind::Url,
        format!(
            "the URL {what}\n\nhint: it is `scheme://user:password@host/database?name=value`; in the user, the password \
             and the values write `@` as `%40`, `/` as `%2F`, `?` as `%3F` and `#` as `%23`"
        ),
    )
}

/// Text as URLs want it. What is escaped already stays; a `%` without two hexadecimal digits is itself.
fn escaped(text: &str) -> String {
    percent_encode(&percent_decode_str(text).collect::<Vec<u8>>(), NON_ALPHANUMERIC).to_string()
}

/// Whether a text is hosts with their ports, and perhaps a database.
fn is_place(text: &str) -> bool {
    let (hosts, database) = text.split_once('/').unwrap_or((text, ""));
    let is_host = |host: &str| {
        let name_end = host.rfind(']').map_or(0, |bracket| bracket + 1);
        let (name, port) = match host[name_end..].rfind(':') {
            Some(colon) => (&host[..name_end + colon], &host[name_end + colon + 1..]),
            None => (host, ""),
        };
        let name_bytes = if name_end > 0 { b"-._~%[]:".as_slice() } else { b"-._~%".as_slice() };
        name.bytes().all(|b| b.is_ascii_alphanumeric() || name_bytes.contains(&b))
            && port.bytes().all(|b| b.is_ascii_digit())
    };
    hosts.split(',').all(is_host) && !database.contains(['@', '#'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Option<String> {
        ServerUrl::parse(url).ok().map(|url| url.to_string())
    }

    #[test]
    fn any_character_may_be_in_a_password() {
        for (password, escaped) in [
            ("p", "p"),
            ("%", "%25"),
            ("%ss@w/o#rd?", "%25ss%40w%2Fo%23rd%3F"),
            ("a%40b:c", "a%40b%3Ac"),
            ("a?b", "a%3Fb"),
            ("a?b=c", "a%3Fb%3Dc"),
            ("p@h:1/x", "p%40h%3A1%2Fx"),
            ("\u{e9}", "%C3%A9"),
        ] {
            for place in ["h/db", "h:1/db?a=b&c=d", "[::1]:5/db", "h,i:3/db", "%2Frun/db"] {
                assert_eq!(
                    read(&format!("postgres://u:{password}@{place}")),
                    Some(format!("postgres://u:{escaped}@{place}"))
                );
            }
        }
        let all: String = (' '..='~').collect();
        let url = read(&format!("mysql://me@corp:{all}@h/db?a=b")).unwrap();
        let (login, place) = url.strip_prefix("mysql://").unwrap().split_once('@').unwrap();
        assert_eq!(place, "h/db?a=b");
        assert_eq!(percent_decode_str(login).decode_utf8().unwrap(), format!("me@corp:{all}"));
    }

    #[test]
    fn a_server_is_its_hosts_and_ports_or_its_socket() {
        let server = |url: &str| ServerUrl::parse(url).unwrap().server();
        for (one, same) in [
            ("postgres://u:p@h/a", "postgresql://v@H:5432/b?sslmode=disable"),
            ("mysql://u@h/a", "mariadb://h:3306/b"),
            ("mysql://u@[::1]/a", "mysql://[::1]:3306/b"),
            ("postgres:///a?host=/run", "postgres://u@/b?host=%2Frun"),
        ] {
            assert_eq!(server(one), server(same));
        }
        for (one, other) in [
            ("postgres://h/a", "postgres://h:5433/a"),
            ("postgres://h/a", "mysql://h:5432/a"),
            ("postgres://h/a", "postgres://h,i/a"),
            ("mysql://h/a?socket=/run/a", "mysql://h/a?socket=/run/b"),
            ("postgres:///a?host=/run", "postgres:///a?host=/run&port=5433"),
        ] {
            assert_ne!(server(one), server(other));
        }
    }

    #[test]
    fn what_has_no_login_stays() {
        for url in ["postgres://h/db", "postgres:///db?host=/run", "mysql://h"] {
            assert_eq!(read(url).as_deref(), Some(url));
        }
    }

    #[test]
    fn an_at_sign_in_a_value_is_not_taken_for_the_end_of_a_login() {
        for (url, shown) in [
            ("postgres://h/db?user=u&password=p@ss", "postgres://h/db?user=u&password=p%40ss"),
            ("postgres://u:p@h:1/db?a=b@&", "postgres://u:p@h:1/db?a=b%40"),
        ] {
            assert_eq!(read(url).as_deref(), Some(shown));
            assert_eq!(read(shown).as_deref(), Some(shown));
        }
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn the_driver_reads_a_password_among_the_values_as_it_is_meant() {
        let shown = read("postgres://h/db?user=u&password=p@ss").unwrap();
        let config: tokio_postgres::Config = shown.parse().unwrap();
        assert_eq!(config.get_user(), Some("u"));
        assert_eq!(config.get_password(), Some(b"p@ss".as_slice()));
        assert_eq!(config.get_hosts(), [tokio_postgres::config::Host::Tcp("h".to_owned())]);
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused_and_not_shown() {
        for url in [
            "postgres://u:geh@im?a=b@h/db",
            "postgres://u:1?geh=im@h/db",
            "postgres://u:geh@h/db#im",
            "x:geh",
        ] {
            let error = ServerUrl::parse(url).map(|_| ()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Url);
            assert!(!error.to_string().contains("geh") && !error.to_string().contains("im@"), "{error}");
        }
    }

    #[cfg(feature = "_source")]
    #[test]
    fn only_the_url_of_a_server_that_can_be_read_is_escaped() {
        assert_eq!(escaped_url("mariadb://u:p@ss@h/db"), "mariadb://u:p%40ss@h/db");
        for url in ["sqlite://a@b.db", "sqlite:a?b", "postgres://u:geh@im?a=b@h/db", "oracle"] {
            assert_eq!(escaped_url(url), url);
        }
    }

    #[test]
    fn parameters_are_taken_out_by_either_name_and_once() {
        let mut url = ServerUrl::parse("mysql://h/db?a=1&ssl-ca=%2Fc%20a&b=2&empty=").unwrap();
        assert_eq!(url.take(["sslrootcert", "ssl-ca"]).unwrap().as_deref(), Some("/c a"));
        assert_eq!(url.take(["empty", "empty"]).unwrap(), None);
        assert_eq!(url.to_string(), "mysql://h/db?a=1&b=2");
        let mut url = ServerUrl::parse("mysql://h/db?sslmode=require&ssl-mode=disabled").unwrap();
        assert_eq!(url.take(["sslmode", "ssl-mode"]).unwrap_err().kind(), ErrorKind::Url);
    }
}
