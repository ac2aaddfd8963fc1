//! Certificates for a server's TLS, from an authority of its own.

use std::path::PathBuf;

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::folder::ServerFolder;

/// The only place that the server's certificate is for.
const HOST: &str = "127.0.0.1";

/// Where the certificates are. Beside the authority's there are `client.pem` and `client.key` for a client, and `other.pem`
/// of an authority that has signed nothing.
#[derive(Debug)]
pub(crate) struct Certificates {
    /// The authority's
    pub(crate) ca: PathBuf,
    /// The server's
    pub(crate) server: PathBuf,
    /// The server's key
    pub(crate) key: PathBuf,
}

impl Certificates {
    /// Makes an authority, and has it sign a certificate for the server and one for a client.
    pub(crate) fn make(folder: &ServerFolder) -> Result<Self> {
        Self::try_make(folder).context("the certificates cannot be made")
    }

    fn try_make(folder: &ServerFolder) -> Result<Self> {
        let mut authority = named("embed-migrations authority", &[])?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        let ca = folder.write("ca.pem", &authority.self_signed(&key)?.pem())?;
        let authority = Issuer::new(authority, key);
        let sign = |file: &str, params: CertificateParams| -> Result<(PathBuf, PathBuf)> {
            let key = KeyPair::generate()?;
            let certificate = params.signed_by(&key, &authority)?;
            Ok((
                folder.write(&format!("{file}.pem"), &certificate.pem())?,
                folder.write_secret(&format!("{file}.key"), &key.serialize_pem())?,
            ))
        };
        let (server, key) = sign("server", named("embed-migrations server", &[HOST])?)?;
        sign("client", named("embed-migrations client", &[])?)?;
        let mut other = named("another authority", &[])?;
        other.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        folder.write("other.pem", &other.self_signed(&KeyPair::generate()?)?.pem())?;
        Ok(Self { ca, server, key })
    }
}

fn named(name: &str, hosts: &[&str]) -> Result<CertificateParams> {
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    let mut params = CertificateParams::new(hosts)?;
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}
