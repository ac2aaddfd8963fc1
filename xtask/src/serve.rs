//! `cargo xtask servers`: the servers of the tests, for as long as one wants them.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::cli::ServersArgs;
use crate::environment::{export_lines, variables};
use crate::install;
use crate::output::{note, result};
use crate::process::Supervisor;
use crate::server::Servers;
use crate::signals::Interrupted;

/// Ends well when it is asked to end.
pub(crate) fn run(args: &ServersArgs) -> ExitCode {
    match serve(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is::<Interrupted>() => {
            note(format_args!("{error}: the servers are stopped"));
            ExitCode::SUCCESS
        }
        Err(error) => {
            note(format_args!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn serve(args: &ServersArgs) -> Result<()> {
    let supervisor = Supervisor::start()?;
    let file = args.env_file.as_deref().map(|path| EnvFile::prepare(&supervisor, path)).transpose()?;
    let backends = args.backends.chosen();
    let programs = install::ensure(&supervisor, &backends)?;
    let mut servers = Servers::start(&supervisor, &programs)?;
    for server in servers.iter() {
        note(format_args!("{} is up", server.product));
    }
    let lines = export_lines(&variables(&backends, servers.iter()));
    result(lines.trim_end());
    if let Some(file) = &file {
        file.write(&lines)?;
    }
    note("the servers stay until Ctrl-C");
    loop {
        supervisor.pause()?;
        servers.check()?;
        thread::sleep(Duration::from_millis(50));
    }
}

/// The file with the export lines: it is there exactly while the servers are up.
struct EnvFile<'a> {
    path: std::path::PathBuf,
    supervisor: &'a Supervisor,
}

impl<'a> EnvFile<'a> {
    /// Removes what an older run has left.
    fn prepare(supervisor: &'a Supervisor, path: &Path) -> Result<Self> {
        let path = std::path::absolute(path)?;
        if let Err(error) = fs::remove_file(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error).with_context(|| format!("{} cannot be replaced", path.display()));
        }
        supervisor.watchdog().remove(&path);
        Ok(Self { path, supervisor })
    }

    /// Whoever waits for the file never sees half of it.
    fn write(&self, text: &str) -> Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let save = || -> io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(text.as_bytes())?;
            file.persist(&self.path)?;
            Ok(())
        };
        save().with_context(|| format!("{} cannot be written", self.path.display()))
    }
}

impl Drop for EnvFile<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
        self.supervisor.watchdog().settled(&self.path);
    }
}
