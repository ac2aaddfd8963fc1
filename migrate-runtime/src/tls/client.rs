//! The client's side of TLS, by rustls.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{CertificateError, ClientConfig, Error as RustlsError, RootCertStore};

use super::verifier::{Authorities, Check, Verifier};
use super::{Mode, Roots, TlsOptions, wrong};
use crate::Result;

/// Makes TLS connections as a URL wants them.
#[derive(Clone)]
pub(crate) struct TlsClient {
    config: Arc<ClientConfig>,
    /// Whether there must be no connection without TLS
    pub(crate) required: bool,
}

impl TlsOptions {
    /// Reads the certificates. `None` if there is to be no TLS.
    ///
    /// # Errors
    /// When a file cannot be read, or does not hold what it should.
    pub(crate) fn client(&self) -> Result<Option<TlsClient>> {
        if self.mode == Mode::Disable {
            return Ok(None);
        }
        // Named here, so that nothing depends on the default of the process or decides it.
        let provider = Arc::new(ring::default_provider());
        let verifier = Verifier::new(self.check()?, &provider);
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| wrong(&format!("TLS cannot be set up: {error}")).with_source(error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let config = match &self.identity {
            None => config.with_no_client_auth(),
            Some((certificate, key)) => {
                let chain = certificates(certificate, "client certificate")?;
                let key_text = read(key, "client key")?;
                let read = PrivateKeyDer::from_pem_slice(&key_text)
                    .map_err(|error| useless(key, "client key", error))?;
                config
                    .with_client_auth_cert(chain, read)
                    .map_err(|error| useless(certificate, "client certificate", error))?
            }
        };
        Ok(Some(TlsClient { config: Arc::new(config), required: self.mode > Mode::Prefer }))
    }

    fn check(&self) -> Result<Check> {
        let authorities = self.roots.as_ref().map(authorities).transpose()?;
        Ok(match (self.mode, authorities) {
            (Mode::VerifyFull, Some(authorities)) => Check::Name(authorities),
            (Mode::VerifyCa | Mode::Require, Some(authorities)) => Check::Authority(authorities),
            _ => Check::Nothing,
        })
    }
}

fn authorities(roots: &Roots) -> Result<Authorities> {
    let mut store = RootCertStore::empty();
    let certificates = match roots {
        Roots::System => {
            // Those that cannot be read are left out, as other programs do.
            store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            if store.is_empty() {
                return Err(wrong(
                    "the operating system has no root certificates that can be read\n\n\
                     hint: name a PEM file with `sslrootcert`",
                ));
            }
            Vec::new()
        }
        Roots::File(path) => {
            let certificates = certificates(path, "root certificate")?;
            for certificate in &certificates {
                store.add(certificate.clone()).map_err(|error| useless(path, "root certificate", error))?;
            }
            certificates
        }
    };
    Ok(Authorities { store, certificates })
}

/// The certificates of a PEM file, of which there is at least one.
fn certificates(path: &Path, what: &str) -> Result<Vec<CertificateDer<'static>>> {
    let text = read(path, what)?;
    let certificates = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err(useless(path, what, pem::Error::NoItemsFound)),
        certificates => certificates.map_err(|error| useless(path, what, error)),
    }
}

fn read(path: &Path, what: &str) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| {
        wrong(&format!("cannot read the {what} `{}`: {error}", path.display())).with_source(error)
    })
}

fn useless(path: &Path, what: &str, error: impl StdError + Send + Sync + 'static) -> crate::Error {
    wrong(&format!("the {what} `{}` cannot be used: {error}", path.display())).with_source(error)
}

impl TlsClient {
    /// Puts TLS on a stream to a host.
    ///
    /// # Errors
    /// When the two do not agree on TLS, or the server's certificate is not accepted.
    pub(crate) async fn connect<S>(&self, host: &str, stream: S) -> Result<TlsStream<S>, HandshakeError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let name =
            ServerName::try_from(host.to_owned()).map_err(|error| HandshakeError(io::Error::other(error)))?;
        TlsConnector::from(Arc::clone(&self.config)).connect(name, stream).await.map_err(HandshakeError)
    }
}

/// Why there is no TLS with a server.
#[derive(Debug)]
pub(crate) struct HandshakeError(io::Error);

impl HandshakeError {
    fn hint(&self) -> Option<&'static str> {
        let RustlsError::InvalidCertificate(error) = self.0.get_ref()?.downcast_ref()? else { return None };
        match error {
            // The latter is that of another authority of the same name.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                Some("`sslrootcert` has to name the certificate of the authority that signed the server's")
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Some(
                "connect to a name or address that the certificate has among its alternative names; \
                 `sslmode=verify-ca` does not look at them, and believes any server that the authority signed for",
            ),
            _ => None,
        }
    }
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no TLS with the server: {}", self.0)?;
        match self.hint() {
            Some(hint) => write!(f, "\n\nhint: {hint}"),
            None => Ok(()),
        }
    }
}

impl StdError for HandshakeError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.0)
    }
}
