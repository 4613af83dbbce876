//! What configs are refused, and in which words.

use super::*;

#[track_caller]
fn told(text: &str, words: &str) {
    let config: RunConfig = toml::from_str(&format!("sets = [\"s\"]\n{text}")).unwrap();
    assert_eq!(config.check().unwrap_err(), words);
}

#[test]
fn a_value_out_of_range_is_named_with_its_range() {
    told(
        "[cnn]\nbatch = 4000",
        "`cnn.batch` is 4000; it must be a whole number from 2 to 1024.",
    );
    told(
        "[cnn]\nrate = 0.0",
        "`cnn.rate` is 0; it must be a number above 0 and below 10.",
    );
    told(
        "[teacher.gru]\nmade = 2000000",
        "`teacher.gru.made` is 2000000; it must be a whole number from 0 to 1000000.",
    );
    told(
        "[gru]\naverage = 1.0",
        "`gru.average` is 1; it must be a number from 0 and below 1.",
    );
    told(
        "[cnn]\naverage = nan",
        "`cnn.average` is NaN; it must be a number from 0 and below 1.",
    );
    told(
        "[augment]\nflip = 1.5",
        "`augment.flip` is 1.5; it must be a number from 0 to 1.",
    );
    told(
        "[adam]\nbeta1 = 1.0",
        "`adam.beta1` is 1; it must be a number from 0 and below 1.",
    );
    told(
        "[student]\nwidths = [8, 8, 0, 8]",
        "`student.widths` is 0; it must be a whole number from 1 to 4096.",
    );
}

#[test]
fn teachers_are_asked_where_there_are_some() {
    let nobody = |of: &str, or: &str| {
        format!("`{of}` says how teachers are asked, and that phase has none; leave it out{or}.")
    };
    let or = ", or name them as `teacher.weights`";
    told("[cnn]\nmirrored = true", &nobody("cnn.mirrored", or));
    told("[cnn]\nin_turn = true", &nobody("cnn.in_turn", or));
    told(
        "[teacher]\nstart = \"built-in\"\n[teacher.cnn]\nmirrored = true",
        &nobody("teacher.cnn.mirrored", ""),
    );
    told(
        "[teacher]\nweights = \"a\"\n[cnn]\nin_turn = true",
        "`cnn.in_turn` asks several teachers by turns, and there is one; leave it out, name more as `teacher.weights`, or \
         ask it of the faces mirrored, too (`mirrored = true`).",
    );
    for can_be in [
        "[teacher]\nweights = \"a\"\n[cnn]\nin_turn = true\nmirrored = true",
        "[teacher]\nweights = [\"a\", \"b\"]\n[cnn]\nin_turn = true",
        "[teacher]\nstart = \"built-in\"\n[cnn]\nmirrored = true",
    ] {
        let config: RunConfig = toml::from_str(&format!("sets = [\"s\"]\n{can_be}")).unwrap();
        config.check().unwrap();
    }
}

#[test]
fn what_learns_from_a_teacher_alone_has_one() {
    let nobody = |of: &str, or: &str| {
        format!(
            "`{of}.from_teacher` leaves the labels out, and that phase has no teacher; leave it out{or}."
        )
    };
    let teacher = "[teacher]\nstart = \"built-in\"\n";
    for (table, what) in [("cnn", "CNN"), ("gru", "recurrent heads")] {
        let asks = format!("[{table}]\nfrom_teacher = true");
        told(
            &asks,
            &nobody(table, ", or name a teacher by `teacher.weights`"),
        );
        told(
            &format!("{teacher}[teacher.{table}]\nfrom_teacher = true"),
            &nobody(&format!("teacher.{table}"), ""),
        );
        told(
            &format!("{teacher}{asks}"),
            &format!(
                "`{table}.from_teacher` leaves the labels out, and the teacher's own {what} would go by `{table}` too, with \
                 nobody to learn from; say by `teacher.{table}` how the teacher learns, or name a finished one by \
                 `teacher.weights`."
            ),
        );
        for can_be in [
            format!("[teacher]\nweights = \"a\"\n{asks}"),
            format!("{teacher}[teacher.{table}]\nbatch = 9\n{asks}"),
        ] {
            let config: RunConfig = toml::from_str(&format!("sets = [\"s\"]\n{can_be}")).unwrap();
            config.check().unwrap();
        }
    }
}

#[test]
fn what_would_have_no_effect_is_told() {
    for (name, value) in [
        ("keep", "0.5"),
        ("forget", "0.5"),
        ("sharpness", "0.05"),
        ("from_teacher", "true"),
    ] {
        told(
            &format!("start = \"built-in\"\n[cnn]\nepochs = 0\n{name} = {value}"),
            &format!(
                "`cnn.{name}` says how the CNN learns, and `cnn.epochs` is 0: it stays what it begins with. Leave either out."
            ),
        );
    }
    for (table, how, value) in [
        ("cnn", "votes", "true"),
        ("cnn", "smoothing", "0.1"),
        ("gru", "votes", "true"),
    ] {
        told(
            &format!("[teacher]\nweights = \"a\"\n[{table}]\nfrom_teacher = true\n{how} = {value}"),
            &format!(
                "`{table}.{how}` says how labels are learnt, and `{table}.from_teacher` that they are not; leave either out."
            ),
        );
    }
    told(
        "[cnn]\nforget = 0.5",
        "`cnn.forget` is 0.5, part of the weights that the CNN begins with, and `start` says nothing: these are random. Leave it \
         out, or give it a weights file.",
    );
    told(
        "[cnn]\nsharpness = 11.0",
        "`cnn.sharpness` is 11; it must be a number from 0 to 10.",
    );
}

#[test]
fn values_that_go_together_are_checked_together() {
    let text = "sets = [\"s\"]\n[student]\ncolor = \"rgb\"\nmean = [1.0, 2.0]";
    let config: RunConfig = toml::from_str(text).unwrap();
    let told = config.check().unwrap_err();
    assert!(
        told.contains("`student`") && told.contains("`mean`"),
        "{told}"
    );
}

#[test]
fn keys_toml_has_every_key_with_its_default() {
    let text = include_str!("../../../../weights/keys.toml");
    let all: RunConfig = toml::from_str(text).unwrap();
    all.check().unwrap();
    let none: RunConfig =
        toml::from_str("sets = [\"../sets/ferplus\"]\n[teacher]\n[gru]\n").unwrap();
    assert_eq!(all, none);
    // A key that there is not is answered with those that there are.
    let tables: Vec<&str> = text.split("\n[").collect();
    for table in [
        "", "student", "teacher", "augment", "adam", "cnn", "gru", "card",
    ] {
        let (header, own) = match table {
            "" => (String::new(), tables[0]),
            _ => {
                let begins = format!("{table}]\n");
                let own = tables.iter().find(|own| own.starts_with(&begins));
                (format!("[{table}]\n"), *own.unwrap())
            }
        };
        let wrong = format!("sets = []\n{header}nonsense = 1\n");
        let wrong = match table {
            "" => wrong.replace("sets = []\n", ""),
            _ => wrong,
        };
        let error = toml::from_str::<RunConfig>(&wrong).unwrap_err().to_string();
        let (_, keys) = error.split_once("expected one of").unwrap();
        let keys: Vec<&str> = keys.split('`').skip(1).step_by(2).collect();
        assert!(keys.len() >= 3, "{error}");
        for key in keys {
            let there = own.lines().any(|line| {
                let line = line.trim_start_matches("# ");
                line.starts_with(&format!("{key} = ")) || line == format!("[{table}.{key}]")
            });
            let is_table = text.contains(&format!("\n[{key}]\n"));
            assert!(there || (table.is_empty() && is_table), "[{table}] {key}");
        }
    }
}

#[test]
fn our_own_configs_can_be() {
    for text in [
        include_str!("../../../../weights/default.toml"),
        include_str!("../../../../weights/further.toml"),
        include_str!("../../../../weights/heads.toml"),
        include_str!("../../../../weights/student.toml"),
        include_str!("../../../../weights/teacher.toml"),
        include_str!("../../../../weights/paper.toml"),
    ] {
        let config: RunConfig = toml::from_str(text).unwrap();
        config.check().unwrap();
    }
}
