//! One script of one machine, running under a real shell with every program that reaches outside replaced.
//!
//! In: a script, a root and a directory of stand-ins. Out: its questions, one at a time, and its exit code. Each
//! stand-in is the same few lines of shell, a program on PATH and a function read before the script: it sends its name
//! and arguments through one pipe and plays back what comes through the other. Absent on purpose: what the answers are (`commands`), and time.

use std::fs::{self, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process_group};

/// The programs a script may not really run.
const STAND_INS: &[&str] = &[
    "arping",
    "ctr",
    "curl",
    "date",
    "etcd",
    "etcdctl",
    "findmnt",
    "getent",
    "ip",
    "kubeadm",
    "kubectl",
    "kubelet",
    "openssl",
    "sleep",
    "swapoff",
    "sync",
    "systemctl",
    "systemd-machine-id-setup",
    "timedatectl",
];

/// Sends name and arguments, plays back the answer. A certificate to print comes through standard input, whose end
/// is awaited first: one question at a time.
const STAND_IN: &str = r#"
rehearse() {
	case "$* " in
	"openssl x509 "*" -in "*) ;;
	"openssl x509 "*) cat >/dev/null ;;
	esac
	printf '%s\0' "$@" end-of-question >"$REHEARSAL/ask"
	{
		IFS= read -r rehearsed_code
		while IFS= read -r rehearsed_line; do
			case $rehearsed_line in
			1*) printf '%s\n' "${rehearsed_line#1}" ;;
			2*) printf '%s\n' "${rehearsed_line#2}" >&2 ;;
			esac
		done
	} <"$REHEARSAL/answer"
	return "$rehearsed_code"
}
"#;

/// What a stand-in plays back.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Answer {
    /// Success that says nothing.
    pub fn ok() -> Self {
        Self::default()
    }

    /// An exit code that says nothing.
    pub fn code(code: i32) -> Self {
        Self { code, ..Self::default() }
    }

    /// Success that says something.
    pub fn out(text: impl Into<String>) -> Self {
        Self { out: text.into(), ..Self::default() }
    }

    /// Failure with a reason.
    pub fn err(code: i32, text: impl Into<String>) -> Self {
        Self { code, err: text.into(), ..Self::default() }
    }
}

/// What a running script does next.
pub enum Event {
    /// A stand-in was called: its name and arguments.
    Asked(Vec<String>),
    /// The script ended.
    Ended(i32),
}

/// A script that runs.
pub struct Process {
    group: Pid,
    pipes: PathBuf,
    events: Receiver<Event>,
}

/// Makes the directory of stand-ins that all machines of a world share. Where a name can be a shell function too, the
/// prelude holds it as one: the same lines without a new process.
pub fn stand_ins(dir: &Path) {
    fs::create_dir_all(dir).expect("a directory for stand-ins");
    let executable = |name: &str, text: &str| {
        let path = dir.join(name);
        fs::write(&path, text).expect("a stand-in");
        rustix::fs::chmod(&path, Mode::RWXU).expect("an executable stand-in");
    };
    let mut prelude = STAND_IN.to_owned();
    for name in STAND_INS {
        executable(name, &format!("#!/bin/sh{STAND_IN}rehearse {name} \"$@\"\n"));
        if !name.contains('-') {
            prelude.push_str(&format!("{name}() {{ rehearse {name} \"$@\"; }}\n"));
        }
    }
    executable("timeout", "#!/bin/sh\nshift\nexec \"$@\"\n");
    fs::write(dir.join(PRELUDE), prelude + ". \"$1\"\n").expect("a prelude");
}

/// Defines the stand-ins and reads the script that follows it into the same shell.
const PRELUDE: &str = "prelude.sh";

/// What ends a question, after the zero byte of its last word.
const END: &[u8] = b"\0end-of-question\0";

/// What ends the listening.
const FAREWELL: &[u8] = b"farewell\0";

impl Process {
    /// Starts `script` under `shell` on the machine whose files lie below `root`.
    pub fn start(shell: &[String], script: &Path, root: &Path, stand_ins: &Path, journal: &Path) -> Self {
        // A directory of its own for each: the last farewell of a killed script must not reach the next one.
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let pipes = stand_ins.with_file_name(format!("pipes-{}", COUNT.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir_all(&pipes).expect("a directory for pipes");
        for name in ["ask", "answer"] {
            mknodat(CWD, pipes.join(name), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).expect("a pipe");
        }
        let log = OpenOptions::new().create(true).append(true).open(journal).expect("a journal");
        let mut child = Command::new(&shell[0])
            .args(&shell[1..])
            .arg(stand_ins.join(PRELUDE))
            .arg(script)
            .env_clear()
            .env("PATH", format!("{}:{}:/usr/bin:/bin", stand_ins.display(), root.join("usr/local/bin").display()))
            .env("HOME", "/nonexistent")
            .env("KUBESPORE_ROOT", root)
            .env("REHEARSAL", &pipes)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("the journal twice"))
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("a shell");
        let group = Pid::from_child(&child);
        let (asked, events) = channel();
        let ended = asked.clone();
        // Open for both, once: were it closed between two questions, a question could fall between.
        let path = pipes.join("ask");
        let mut ask = OpenOptions::new().read(true).write(true).open(&path).expect("a pipe to ask through");
        let mut farewell = ask.try_clone().expect("the pipe twice");
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let mut part = [0; 4096];
            while let Ok(count) = ask.read(&mut part) {
                bytes.extend_from_slice(&part[..count]);
                if bytes == FAREWELL {
                    return;
                }
                if bytes.ends_with(END) {
                    let words = bytes[..bytes.len() - END.len()].split(|b| *b == 0);
                    let words = words.map(|word| String::from_utf8_lossy(word).into_owned()).collect();
                    bytes.clear();
                    if asked.send(Event::Asked(words)).is_err() {
                        return;
                    }
                }
            }
        });
        thread::spawn(move || {
            let status = child.wait().expect("a child to wait for");
            let _ = ended.send(Event::Ended(status.code().unwrap_or(-1)));
            let _ = farewell.write_all(FAREWELL);
        });
        Self { group, pipes, events }
    }

    /// Waits for what the script does next.
    ///
    /// # Panics
    /// When it does nothing for ten minutes of real time: it hangs in something that has no stand-in. A busy machine answers sooner.
    pub fn next(&self) -> Event {
        self.events.recv_timeout(Duration::from_secs(600)).expect("the script hangs outside its stand-ins")
    }

    /// Answers the question asked last.
    pub fn answer(&self, answer: &Answer) {
        let mut text = format!("{}\n", answer.code);
        for (channel, lines) in [('1', &answer.out), ('2', &answer.err)] {
            for line in lines.lines() {
                text.push(channel);
                text.push_str(line);
                text.push('\n');
            }
        }
        let mut pipe = OpenOptions::new().write(true).open(self.pipes.join("answer")).expect("an answer pipe");
        pipe.write_all(text.as_bytes()).expect("an answer taken");
    }
}

impl Drop for Process {
    /// Kills the script with everything it started.
    fn drop(&mut self) {
        let _ = kill_process_group(self.group, Signal::KILL);
    }
}
