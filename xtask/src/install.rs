//! Installs missing servers from the packages of Debian or Ubuntu, without starting the distribution's own services.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow};

use crate::account::is_root;
use crate::backend::Backend;
use crate::output::note;
use crate::platform::Platform;
use crate::process::{Stop, Supervisor};
use crate::programs::{Programs, locate, locate_program};

/// Debian asks this program before it starts a service; 101 means no.
const POLICY: &str = "/usr/sbin/policy-rc.d";
const POLICY_ASIDE: &str = "/usr/sbin/policy-rc.d.before-embed-migrations";

/// The programs of the chosen backends, installed if they are missing and this process may do so.
pub(crate) fn ensure(supervisor: &Supervisor, backends: &[Backend]) -> Result<Programs> {
    let missing = match locate(backends)? {
        Ok(programs) => return Ok(programs),
        Err(missing) => missing,
    };
    let platform = Platform::current();
    let advice = |missing: &[Backend]| anyhow!(platform.advice(missing));
    if platform != Platform::Debian || !is_root() {
        return Err(advice(&missing));
    }
    let packages: Vec<_> = missing.iter().flat_map(|backend| platform.packages(*backend)).copied().collect();
    let services: Vec<_> = missing.iter().filter_map(|backend| service(*backend)).collect();
    install(supervisor, &packages, &services).with_context(|| advice(&missing).to_string())?;
    locate(backends)?.map_err(|missing| advice(&missing))
}

/// A program, from the package of its name if it is missing and this process may install it.
pub(crate) fn ensure_program(supervisor: &Supervisor, name: &str) -> Result<PathBuf> {
    if let Some(path) = locate_program(name) {
        return Ok(path);
    }
    let platform = Platform::current();
    let advice = || anyhow!(platform.advice_of_program(name));
    if platform != Platform::Debian || !is_root() {
        return Err(advice());
    }
    let services: &[&str] = if name == "pgbouncer" { &[name] } else { &[] };
    install(supervisor, &[name], services).with_context(|| advice().to_string())?;
    locate_program(name).ok_or_else(advice)
}

fn install(supervisor: &Supervisor, packages: &[&str], services: &[&str]) -> Result<()> {
    note(format_args!("installing {} (apt-get)", packages.join(" ")));
    let _no_services = NoServices::establish(supervisor)?;
    let mut arguments = vec!["install", "-y", "--no-install-recommends"];
    arguments.extend(packages);
    if apt_get(supervisor, &arguments).is_err() {
        // The usual reason is a list of packages that is absent or old.
        supervisor.pause()?;
        apt_get(supervisor, &["update"])?;
        apt_get(supervisor, &arguments)?;
    }
    if Path::new("/run/systemd/system").is_dir() {
        keep_off_after_boot(supervisor, services);
    }
    Ok(())
}

fn apt_get(supervisor: &Supervisor, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("apt-get");
    command.args(["-q", "-o", "DPkg::Lock::Timeout=300"]).args(arguments);
    command.env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C");
    supervisor.run(&mut command, Stop::AtLeisure)?;
    Ok(())
}

/// The service that a backend's package brings.
fn service(backend: Backend) -> Option<&'static str> {
    match backend {
        Backend::Sqlite => None,
        Backend::Postgres => Some("postgresql"),
        Backend::Mysql => Some("mariadb"),
    }
}

/// The packages enable their services for the next boot; what was installed for tests stays off.
fn keep_off_after_boot(supervisor: &Supervisor, services: &[&str]) {
    for service in services {
        if let Err(error) =
            supervisor.run(Command::new("systemctl").args(["disable", service]), Stop::Terminate)
        {
            note(format_args!("the new service {service} could not be disabled: {error:#}"));
        }
    }
}

/// While this lives, no package starts a service.
struct NoServices<'a> {
    supervisor: &'a Supervisor,
    /// Whether the policy is ours to take away; containers often bring one.
    ours: bool,
}

impl<'a> NoServices<'a> {
    fn establish(supervisor: &'a Supervisor) -> Result<Self> {
        let (policy, aside) = (Path::new(POLICY), Path::new(POLICY_ASIDE));
        if policy.exists() && denies(policy) {
            return Ok(Self { supervisor, ours: false });
        }
        if policy.exists() {
            supervisor.watchdog().restore(aside, policy);
            fs::rename(policy, aside).with_context(|| format!("{POLICY} cannot be moved aside"))?;
        } else {
            supervisor.watchdog().remove(policy);
        }
        let guard = Self { supervisor, ours: true };
        fs::write(policy, "#!/bin/sh\n# Of embed-migrations' cargo xtask; may be removed.\nexit 101\n")
            .and_then(|()| fs::set_permissions(policy, fs::Permissions::from_mode(0o755)))
            .with_context(|| format!("{POLICY} cannot be written"))?;
        Ok(guard)
    }
}

impl Drop for NoServices<'_> {
    fn drop(&mut self) {
        if !self.ours {
            return;
        }
        let aside = Path::new(POLICY_ASIDE);
        let result = if aside.exists() { fs::rename(aside, POLICY) } else { fs::remove_file(POLICY) };
        match result {
            Ok(()) => self.supervisor.watchdog().settled(Path::new(POLICY)),
            Err(error) => note(format_args!("could not take away {POLICY}: {error}")),
        }
    }
}

fn denies(policy: &Path) -> bool {
    ["postgresql", "mariadb", "pgbouncer"].iter().all(|service| {
        let asked = Command::new(policy).args([service, "start"]).output();
        asked.is_ok_and(|answer| answer.status.code() == Some(101))
    })
}
