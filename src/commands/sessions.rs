//! `affectscope sessions`: recordings and analysed files as a list.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::{Failure, print, say};
use crate::cli::SessionsArgs;
use crate::gui::paths;
use crate::numbers::counted;
use crate::review::sessions::words::{against, day_and_minute, faces, length};
use crate::review::sessions::{Detail, Found, Session, look};
use crate::settings::Settings;

/// Prints the list.
///
/// # Errors
/// With code 2 when no folder could be looked through.
pub fn run(args: &SessionsArgs) -> Result<(), Failure> {
    let folders = if args.folders.is_empty() {
        let settings = Settings::default_path().map(|path| Settings::load_from(&path).0);
        paths::session_folders(&settings.unwrap_or_default())
    } else {
        args.folders.clone()
    };
    if let Some(folder) = args.folders.iter().find(|f| !f.is_dir()) {
        return Err(Failure::bad_input(format!(
            "{}: no such folder. Check the path.",
            folder.display()
        )));
    }
    let found = look(&folders, &|| false);
    for note in &found.notes {
        say(note);
    }
    let detail = |s: &Session| (args.scores && s.can_be_opened()).then(|| Detail::of(s));
    let details: Vec<Option<Detail>> = found.sessions.iter().map(detail).collect();
    if args.json {
        let text = serde_json::to_string_pretty(&listed(&found, &details));
        let text = text.map_err(|e| Failure::broken(e.to_string()))?;
        print(&format!("{text}\n"))?;
        return Ok(());
    }
    if found.sessions.is_empty() {
        say(&none(&folders));
    }
    print(&table(&found, &details))?;
    Ok(())
}

fn none(folders: &[PathBuf]) -> String {
    let names: Vec<String> = folders.iter().map(|f| f.display().to_string()).collect();
    format!(
        "no recordings and no analysed files in {}. `affectscope analyze` and `affectscope record` make them; give the folder they are in.",
        names.join(", ")
    )
}

fn listed(found: &Found, details: &[Option<Detail>]) -> Value {
    let sessions = found.sessions.iter().zip(details);
    let sessions: Vec<Value> = sessions
        .map(|(session, detail)| {
            let mut value = json!(session);
            value["detail"] = json!(detail);
            value
        })
        .collect();
    json!({"sessions": sessions, "notes": found.notes})
}

fn table(found: &Found, details: &[Option<Detail>]) -> String {
    let mut text = String::new();
    // What is no letter in a name would move the terminal's lines.
    let plain =
        |text: &dyn std::fmt::Display| text.to_string().replace(char::is_control, "\u{fffd}");
    for (session, detail) in found.sessions.iter().zip(details) {
        let mut facts = vec![day_and_minute(&session.when)];
        facts.extend(session.length_s.map(length));
        facts.extend(session.frames.map(|n| counted(n, "frame")));
        facts.extend(detail.as_ref().map(faces));
        facts.extend(session.weights.clone());
        // Writing to a text cannot fail.
        let _ = writeln!(text, "{}  {}", plain(&session.name), facts.join("  "));
        let _ = writeln!(text, "    {}", plain(&session.table.display()));
        if let Some(trouble) = &session.trouble {
            let _ = writeln!(text, "    {}", plain(trouble));
        }
        if let Some(missing) = session.missing() {
            let _ = writeln!(text, "    its video is not there: {}", plain(&missing));
        }
        let labels = session.labels.iter().filter(|_| detail.is_none());
        for path in labels {
            let _ = writeln!(text, "    labels: {}", plain(&path.display()));
        }
        for scores in detail.iter().flat_map(|d| &d.scores) {
            let _ = writeln!(text, "    {}", against(scores));
        }
        for failed in detail.iter().flat_map(|d| &d.failed) {
            let _ = writeln!(text, "    {failed}");
        }
    }
    text
}
