/**
 * What we answer differently on purpose, step by step: `file/case#step` -> our answer and the section
 * of the specification that says why. DIFFERENCES has the reasons in words.
 */
import type { Deviation } from "./steps.ts";

export const DEVIATIONS: Readonly<Record<string, Deviation>> = {
  "database/pgsql first run": {
    "stderr":
      "Database csync2_a_demo not found, trying to create it ...\nConnection closed.\nFinished with 0 errors.\n",
    "why": "D 7.6.7",
  },
  "database/pgsql hint twice": { "stdout": "0\t/tmp/csync2-demo2/a\n", "why": "D 7.6.3" },
  "database/pgsql same action twice": { "rc": 0, "stderr": "", "why": "D 7.6.3" },
  "database/mysql first run": {
    "rc": 2,
    "stderr":
      "Database csync2_a_demo not found, trying to create it ...\nConnection closed.\nFinished with 0 errors.\n",
    "why": "D 7.6.1",
  },
  "database/mysql hints": { "rc": 2, "stderr": "", "why": "D 7.6.1" },
  "cli/database_argument#19": {
    "stderr": "Can't open database: mariadb://127.0.0.1:1/ (no server at 127.0.0.1 port 1",
    "why": "D 6",
  },
  "check-flows/removed tree, check of the top without -r leaves rows below#5": {
    "stderr":
      "Marking file as dirty: /tmp/csync2-demo2/a/d/1\nMarking file as dirty: /tmp/csync2-demo2/a/d\nConnection closed.\nFinished with 0 errors.\n",
    "why": "D 7.3.13",
  },
  "check-flows/removed tree, check of the top without -r leaves rows below#6": {
    "rows": {
      "file": [["/tmp/csync2-demo2/a", "v1%3Amode=16877%3Auid=0%3Agid=0%3Atype=dir"]],
      "dirty": [["/tmp/csync2-demo2/a/d/1", 0, "a.demo", "b.demo"], [
        "/tmp/csync2-demo2/a/d",
        0,
        "a.demo",
        "b.demo",
      ]],
      "hint": [],
      "action": [],
    },
    "why": "D 7.3.13",
  },
  "check-flows/removed tree, check of the top without -r leaves rows below#7": {
    "stderr": "Connection closed.\nFinished with 0 errors.\n",
    "why": "D 7.3.13",
  },
  "check-flows/-m#13": {
    "stdout":
      "chary\ta.demo\tb.demo\t/tmp/csync2-demo2/a/none\nchary\ta.demo\tc.demo\t/tmp/csync2-demo2/a/none\nchary\ta.demo\tb.demo\t/tmp/csync2-demo2/a/x\nchary\ta.demo\tc.demo\t/tmp/csync2-demo2/a/x\nforce\ta.demo\tb.demo\t/tmp/csync2-demo2/a/x/1\nforce\ta.demo\tc.demo\t/tmp/csync2-demo2/a/x/1\n",
    "why": "D 7.3.8",
  },
  "check-flows/-f#14": {
    "stdout":
      "chary\ta.demo\tb.demo\t/tmp/csync2-demo2/a\nforce\ta.demo\tb.demo\t/tmp/csync2-demo2/a/x\nforce\ta.demo\tb.demo\t/tmp/csync2-demo2/a/x/1\nforce\ta.demo\tb.demo\t/tmp/csync2-demo2/a/x/2\nchary\ta.demo\tb.demo\t/tmp/csync2-demo2/a/x2\n",
    "why": "D 7.3.8",
  },
  "check-flows/prefix: removal is not seen from a directory above the prefix (defect)#5": {
    "stderr": "Marking file as dirty: %p%/1\nConnection closed.\nFinished with 0 errors.\n",
    "why": "D 7.3.6",
  },
  "check-flows/prefix: removal is not seen from a directory above the prefix (defect)#6": {
    "stderr": "Connection closed.\nFinished with 0 errors.\n",
    "why": "D 7.3.6",
  },
  "check-flows/prefix no longer declared#5": { "rc": 0, "why": "D 7.1.16" },
  "check-flows/prefix no longer declared#7": { "rc": 2, "stdout": "", "why": "D 7.1.16" },
  "actions/substitution: first %% only, encoded names#5": {
    "stderr":
      "Marking file as dirty: %p%\nMarking file as dirty: %p%/d\nMarking file as dirty: %p%/d/3.conf\nMarking file as dirty: %p%/2.txt\nMarking file as dirty: %p%/1.conf\nRunning 'echo A $PWD '/tmp/csync2-demo2/a/1.conf' end '/tmp/csync2-demo2/a/1.conf'' ...\nConnection closed.\nFinished with 0 errors.\n",
    "why": "D 7.7.2",
  },
  "actions/substitution: first %% only, encoded names#6": {
    "data": "A / /tmp/csync2-demo2/a/1.conf end /tmp/csync2-demo2/a/1.conf\n",
    "why": "D 7.7.2",
  },
  "actions/a directory pattern takes what is below#6": {
    "data": "/tmp/csync2-demo2/a/d/3.conf /tmp/csync2-demo2/a/d\n",
    "why": "D 7.7.2",
  },
  "actions/** crosses slashes#6": {
    "data": "x /tmp/csync2-demo2/a/d/3.conf /tmp/csync2-demo2/a/1.conf\n",
    "why": "D 7.7.2",
  },
  "actions/no pattern matches all#6": {
    "data": "x /tmp/csync2-demo2/a/d/3.conf /tmp/csync2-demo2/a/d\n",
    "why": "D 7.7.2",
  },
  "actions/do-local-only runs here#6": {
    "data": "x /tmp/csync2-demo2/a/d/3.conf /tmp/csync2-demo2/a/d\n",
    "why": "D 7.7.2",
  },
  "actions/order: descending by encoded command#5": {
    "stderr":
      "Marking file as dirty: %p%\nMarking file as dirty: %p%/d\nMarking file as dirty: %p%/d/3.conf\nMarking file as dirty: %p%/2.txt\nMarking file as dirty: %p%/1.conf\nRunning 'echo c' ...\nRunning 'echo a' ...\nRunning 'echo b' ...\nConnection closed.\nFinished with 0 errors.\n",
    "why": "D 7.7.5",
  },
  "actions/order: descending by encoded command#6": { "data": "c\na\nb\n", "why": "D 7.7.5" },
  "actions/same command twice, other log file#3": { "data": "x\n", "why": "D 7.7.5" },
  "actions/exit status of a command is ignored#5": {
    "stderr":
      "Marking file as dirty: %p%/d\nMarking file as dirty: %p%/d/3.conf\nRunning 'echo out; echo err >&2; exit 3' ...\n'echo out; echo err >&2; exit 3' ended: exit status 3\nConnection closed.\nFinished with 0 errors.\n",
    "why": "D 7.7.4",
  },
  "actions/log file that cannot be opened#5": {
    "stderr":
      "Marking file as dirty: %p%/d\nMarking file as dirty: %p%/d/3.conf\nRunning 'echo out' ...\nCannot open the log file \"/nonexistent/x\" of 'echo out': No such file or directory\nConnection closed.\nFinished with 0 errors.\n",
    "why": "D 7.7.4",
  },
  "actions/defect: shell text in file names is executed#4": {
    "data": "x /tmp/csync2-demo2/a/a;echo owned; /tmp/csync2-demo2/a\n",
    "why": "D 7.7.1",
  },
  "actions/left-over actions run with every mode#4": { "data": null, "why": "D 7.7.4" },
  "actions/left-over actions run with every mode#5": {
    "rows": { "action": [["x%20y", "echo%20old%20%25%25", "/tmp/csync2-demo2/log/act"]] },
    "why": "D 7.7.4",
  },
  "actions/on the receiving side#8": { "data": "got /tmp/csync2-demo2/b/1\n", "why": "D 7.7.2" },
  "actions/defect: runs on the sending side too when a parent directory is missing at the peer#10":
    { "data": "/\n", "why": "D 7.7.3" },
  "actions/defect: runs at a receiver that refused the file because of a conflict#10": {
    "stderr":
      "ERROR: Updating %p%/f on b.demo failed: File is also marked dirty here!\nFinished with 1 errors.\n",
    "why": "D 7.4.6",
  },
  "actions/defect: runs at a receiver that refused the file because of a conflict#12": {
    "data": null,
    "why": "D 7.7.3",
  },
  "actions/defect: runs at a master that refused a slave#9": {
    "stderr":
      "ERROR: Updating %p%/f on b.demo failed: Permission denied for slave!\nFinished with 1 errors.\n",
    "why": "D 7.4.6",
  },
  "actions/defect: runs at a master that refused a slave#11": { "data": null, "why": "D 7.7.3" },
  "sync/-TT#15": { "rc": 0, "why": "D 7.4.2" },
  "sync/-TT#17": { "rc": 0, "why": "D 7.4.2" },
  "sync/-TT#18": { "rc": 0, "why": "D 7.4.2" },
  "sync/-TT on equal files, links, directories, binary files#15": {
    "rc": 1,
    "stdout": "",
    "stderr": "ERROR from peer: Too many levels of symbolic links\nFinished with 1 errors.\n",
    "why": "W 20.18",
  },
  "sync/-TT on equal files, links, directories, binary files#16": { "rc": 0, "why": "D 7.4.2" },
  "sync/-TT on equal files, links, directories, binary files#18": {
    "stdout": "X\ta.demo\tb.demo\t%p%/d\nX\ta.demo\tb.demo\t%p%/l\n",
    "why": "D 7.3.4",
  },
  "sync/-T with names that sort differently when decoded#9": {
    "stdout": "L\ta.demo\tb.demo\t%p%/f!\n",
    "why": "D 7.4.4",
  },
  "sync/-x#14": {
    "rows": {
      "file": [
        ["%25p%25/l", "v1%3Amode=41471%3Auid=0%3Agid=0%3Atype=lnk%3Atarget=1"],
        ["%25p%25/d/2", "v1%3Amtime=1000000000%3Amode=33188%3Auid=0%3Agid=0%3Atype=reg%3Asize=3"],
        ["%25p%25/d", "v1%3Amode=16877%3Auid=0%3Agid=0%3Atype=dir"],
        ["%25p%25/1", "v1%3Amtime=100%3Amode=33184%3Auid=3%3Agid=4%3Atype=reg%3Asize=3"],
        ["%25p%25", "v1%3Amode=16877%3Auid=0%3Agid=0%3Atype=dir"],
      ],
      "dirty": [],
      "hint": [],
      "action": [],
    },
    "why": "D 7.3.4",
  },
  "sync/-x#15": {
    "rows": {
      "file": [
        ["%25p%25", "v1%3Amode=16877%3Auid=0%3Agid=0%3Atype=dir"],
        ["%25p%25/1", "v1%3Amtime=100%3Amode=33184%3Auid=3%3Agid=4%3Atype=reg%3Asize=3"],
        ["%25p%25/d", "v1%3Amode=16877%3Auid=0%3Agid=0%3Atype=dir"],
        ["%25p%25/d/2", "v1%3Amtime=1000000000%3Amode=33188%3Auid=0%3Agid=0%3Atype=reg%3Asize=3"],
        ["%25p%25/l", "v1%3Amode=41471%3Auid=0%3Agid=0%3Atype=lnk%3Atarget=1"],
      ],
      "dirty": [],
      "hint": [],
      "action": [],
    },
    "why": "D 7.3.4",
  },
  "sync/dry run#16": {
    "stdout":
      "chary\ta.demo\tb.demo\t%p%\nchary\ta.demo\tb.demo\t%p%/diff\nchary\ta.demo\tb.demo\t%p%/gone\nchary\ta.demo\tb.demo\t%p%/new\nchary\ta.demo\tb.demo\t%p%/same\n",
    "why": "D 7.4.1",
  },
  "sync/dry run#17": {
    "stat": { "uid": 0, "gid": 0, "size": 1, "mode": "0644", "mtime": 200 },
    "why": "D 7.4.1",
  },
  "sync/dry run#19": {
    "stdout":
      "!D: b.demo          %p%/gone\n!M: b.demo          %p%\n!M: b.demo          %p%/diff\n!M: b.demo          %p%/new\n!M: b.demo          %p%/same\n",
    "why": "D 7.4.1",
  },
  "sync/dry run#20": {
    "stdout":
      "force\ta.demo\tb.demo\t%p%\nforce\ta.demo\tb.demo\t%p%/diff\nforce\ta.demo\tb.demo\t%p%/gone\nforce\ta.demo\tb.demo\t%p%/new\nforce\ta.demo\tb.demo\t%p%/same\n",
    "why": "D 7.4.1",
  },
  "sync/conflict#8": {
    "stderr":
      "ERROR: Updating %p%/f on b.demo failed: File is also marked dirty here!\nFinished with 1 errors.\n",
    "why": "D 7.4.6",
  },
  "sync/conflict#9": {
    "stderr":
      "Connecting to host b.demo (PLAIN) ...\nBound to 127.2.2.1:0 as a.demo.\nConnect to 127.2.2.2:31865 (b.demo).\nUpdating %p%/f on b.demo ...\nERROR: Updating %p%/f on b.demo failed: File is also marked dirty here!\nFile stays in dirty state. Try again later...\nConnection closed.\nFinished with 1 errors.\n",
    "why": "D 7.4.6",
  },
  "sync/conflict, auto younger#8": {
    "stderr":
      "Do not auto-resolve conflict: Lost 'younger/older' test.\nERROR: Updating %p%/f on b.demo failed: File is also marked dirty here!\nFinished with 1 errors.\n",
    "why": "D 7.4.6",
  },
  "sync/conflict, auto bigger#8": {
    "stderr":
      "Do not auto-resolve conflict: Lost 'bigger/smaller' test.\nERROR: Updating %p%/f on b.demo failed: File is also marked dirty here!\nFinished with 1 errors.\n",
    "why": "D 7.4.6",
  },
  "sync/conflict, auto right#8": {
    "stderr":
      "Do not auto-resolve conflict: Lost 'left/right' test.\nERROR: Updating %p%/f on b.demo failed: File is also marked dirty here!\nFinished with 1 errors.\n",
    "why": "D 7.4.6",
  },
  "sync/conflict, removal against change, auto younger#12": {
    "stderr":
      "Do not auto-resolve conflict: This is a removal.\nERROR: Deleting %p%/f on b.demo failed: File is also marked dirty here!\nFinished with 1 errors.\n",
    "why": "D 7.4.6",
  },
  "sync/defect: a missing parent directory at one peer marks the tree for all hosts of the group#12":
    { "stdout": "chary\ta.demo\tc.demo\t%p%/d/f\n", "why": "D 7.3.12" },
  "sync/conflict, change against removal at the peer, auto right#12": {
    "stderr":
      "Do not auto-resolve conflict: Lost 'left/right' test.\nERROR: Updating %p%/f on b.demo failed: File is also marked dirty here!\nFinished with 1 errors.\n",
    "why": "D 7.4.6",
  },
  "sync/slave tries to send#5": {
    "stderr":
      "ERROR: Updating %p% on b.demo failed: Permission denied for slave!\nERROR: Updating %p%/f on b.demo failed: Permission denied for slave!\nFinished with 2 errors.\n",
    "why": "D 7.4.6",
  },
  "sync/-u and -x with paths below a prefix (defect: nothing is sent)#6": {
    "stderr":
      "Connecting to host b.demo (PLAIN) ...\nBound to 127.2.2.1:0 as a.demo.\nConnect to 127.2.2.2:31865 (b.demo).\nUpdating %p%/f on b.demo ...\nConnection closed.\nFinished with 0 errors.\n",
    "why": "D 7.3.7",
  },
  "sync/-u and -x with paths below a prefix (defect: nothing is sent)#8": {
    "stdout": "chary\ta.demo\tb.demo\t%p%\n",
    "why": "D 7.3.7",
  },
  "sync/-x with -I; -cu#9": {
    "stderr":
      "Marking file as dirty: %p%/f\nConnecting to host b.demo (PLAIN) ...\nBound to 127.2.2.1:0 as a.demo.\nConnect to 127.2.2.2:31865 (b.demo).\nUpdating %p%/f on b.demo ...\nConnection closed.\nFinished with 0 errors.\n",
    "why": "D 7.3.7",
  },
  "sync/-x with -I; -cu#11": {
    "stderr": "Connection closed.\nFinished with 0 errors.\n",
    "why": "D 7.3.7",
  },
  "fork-2.1.1/time stamps are nanoseconds#4": {
    "stdout":
      "v1:mode=16877:uid=0:gid=0:type=dir\t/tmp/csync2-demo2/a\nv1:mtime=1600000000:mode=33188:uid=0:gid=0:type=reg:size=1\t/tmp/csync2-demo2/a/f\n",
    "why": "D 7.3.5",
  },
  "fork-2.1.1/time stamps are nanoseconds#5": {
    "rows": {
      "file": [[
        "/tmp/csync2-demo2/a/f",
        "v1%3Amtime=1600000000%3Amode=33188%3Auid=0%3Agid=0%3Atype=reg%3Asize=1",
      ], ["/tmp/csync2-demo2/a", "v1%3Amode=16877%3Auid=0%3Agid=0%3Atype=dir"]],
      "dirty": [],
      "hint": [],
      "action": [],
    },
    "why": "D 7.3.5",
  },
  "fork-2.1.1/-P restricts marking, by substring and with case#2": {
    "stderr":
      "Marking file as dirty: /tmp/csync2-demo2/a\nConnection closed.\nFinished with 0 errors.\n",
    "why": "D 7.7.9",
  },
  "fork-2.1.1/-P restricts marking, by substring and with case#3": {
    "stdout":
      "chary\ta.demo\tb.demo\t/tmp/csync2-demo2/a\nchary\ta.demo\tc.demo\t/tmp/csync2-demo2/a\n",
    "why": "D 7.7.9",
  },
  "fork-2.1.1/-P restricts marking, by substring and with case#5": {
    "stdout":
      "chary\ta.demo\tb.demo\t/tmp/csync2-demo2/a\nchary\ta.demo\tc.demo\t/tmp/csync2-demo2/a\n",
    "why": "D 7.7.9",
  },
  "fork-2.1.1/-P restricts marking, by substring and with case#7": {
    "stderr":
      "Marking file as dirty: /tmp/csync2-demo2/a\nConnection closed.\nFinished with 0 errors.\n",
    "why": "D 7.7.9",
  },
  "fork-2.1.1/-P restricts marking, by substring and with case#8": {
    "rc": 0,
    "stdout":
      "chary\ta.demo\tb.demo\t/tmp/csync2-demo2/a\nchary\ta.demo\tc.demo\t/tmp/csync2-demo2/a\n",
    "why": "D 7.7.9",
  },
  "fork-2.1.1/-b with a dry run keeps dirty rows, without -b they are cleared#8": {
    "stat": { "uid": 0, "gid": 0, "size": 1, "mode": "0644", "mtime": 200 },
    "why": "D 7.4.1",
  },
  "fork-2.1.1/-b with a dry run keeps dirty rows, without -b they are cleared#10": {
    "rc": 0,
    "stdout": "chary\ta.demo\tb.demo\t%p%/f\n",
    "why": "D 7.4.1",
  },
  "fork-2.1.1/owner, mode and time of links and special files are not sent#11": {
    "stat": { "uid": 5, "gid": 6, "mode": "0777" },
    "why": "W 18.4",
  },
  "fork-2.1.1/owner, mode and time of links and special files are not sent#12": {
    "stat": { "uid": 7, "gid": 8, "mode": "0640" },
    "why": "W 18.4",
  },
  "fork-2.1.1/host_name_guess: first host of the group with a local address": {
    "rc": 1,
    "stderr": "This host (NODENAME) is not a member of any configured group.\n",
    "why": "D 7.1.17",
  },
  "fork-2.1.1/host_name_guess: a host without a local address is skipped": {
    "rc": 1,
    "stderr": "This host (NODENAME) is not a member of any configured group.\n",
    "why": "D 7.1.17",
  },
  "fork-2.1.1/host_name_guess: prefixes are chosen with the old name": {
    "rc": 1,
    "stderr": "This host (NODENAME) is not a member of any configured group.\n",
    "why": "D 7.1.17",
  },
  "fork-2.1.1/host_name_guess: option -N is overridden when it is in no group": {
    "rc": 1,
    "stderr": "This host (zzz) is not a member of any configured group.\n",
    "why": "D 7.1.17",
  },
  "fork-2.1.1/host_name_guess: a second group with other local names": {
    "stderr":
      "Marking file as dirty: /tmp/csync2-demo2/a\nMarking file as dirty: /tmp/csync2-demo2/a/x\nMarking file as dirty: /tmp/csync2-demo2/a/x/1\nConnection closed.\nFinished with 0 errors.\n",
    "why": "D 7.1.17",
  },
  "fork-2.1.1/full_log#0 lines": {
    "data":
      "Config-File:   /tmp/csync2-demo2/etc/csync2.cfg\nMy hostname is a.demo.\nDatabase-File: sqlite3:///tmp/csync2-demo2/db/a.demo.db3\nUpgrading database schema to version 0.\nRunning recursive check for /tmp/csync2-demo2/a ...\nChecking /tmp/csync2-demo2/a.\nNew file: /tmp/csync2-demo2/a\nMarking file as dirty: /tmp/csync2-demo2/a\nConnection closed.",
    "why": "D 7.3.16",
  },
  "fork-2.1.1/full_log#0 mode": { "stat": { "mode": "100600" }, "why": "D 7.7.9" },
  "fork-2.1.1/mixed_versions#2": {
    "stat": { "mtime_ns": "1600000000000000000" },
    "why": "W 18.4",
  },
  "fork-2.1.1/mixed_versions#3": {
    "rc": 0,
    "stderr": "",
    "rows": { "dirty": [] },
    "stat": { "exists": true, "mtime_ns": "1600000000000000000" },
    "why": "W 18.4",
  },
  "fork-2.1.1/upgrade#0": { "rows": { "dirty": [] }, "why": "W 18.4" },
  "cli/modes -s /nonexistent/x -M on a.demo": {
    "stderr": "Can't open timestamp file `/nonexistent/x': No such file or directory\n",
    "why": "D 7.1.8",
  },
  "cli/modes --help on a.demo": { "rc": 0, "stderr": "", "why": "D 7.4.8" },
  "cli/modes -a on a.demo": { "stderr": "csync2: no mode given\n", "why": "D 6" },
  "cli/modes -b on a.demo": { "stderr": "csync2: no mode given\n", "why": "D 6" },
  "cli/modes -O on a.demo": { "stderr": "csync2: no mode given\n", "why": "D 6" },
  "cli/verbosity -vv": {
    "stderr":
      "Config-File:   /tmp/csync2-demo2/etc/csync2.cfg\nMy hostname is a.demo.\nDatabase-File: sqlite3:///tmp/csync2-demo2/db/a.demo.db3\nUpgrading database schema to version 0.\nRunning recursive check for /tmp/csync2-demo2/a ...\nDon't check at all: /tmp/csync2-demo2/a/2.bak\nChecking /tmp/csync2-demo2/a/1.\nChecking /tmp/csync2-demo2/a.\nNew file: /tmp/csync2-demo2/a\nNew file: /tmp/csync2-demo2/a/1\nMarking file as dirty: /tmp/csync2-demo2/a\nMarking file as dirty: /tmp/csync2-demo2/a/1\nConnection closed.\nFinished with 0 errors.",
    "why": "D 7.3.16",
  },
  "database/pragmas": { "rows": { "journal_mode": [["wal"]] }, "why": "D 7.6.11" },
  "database/file_mode": { "stat": { "mode": "100600" }, "why": "D 7.6.9" },
  "database/not a database file#0": {
    "stderr": "Database Error: Setting pragma [1]: file is not a database\n",
    "why": "D 7.6.7",
  },
  "database/only a table named file exists: taken as a complete schema#1": {
    "stderr": "Database Error: DB Dump - File [1]: no such column: checktxt\n",
    "why": "D 7.6.7",
  },
  "database/x509_cert#0": {
    "stderr":
      "ERROR: b.demo did provide another SSL certificate than before, so nothing is sent to it. Known SHA-256 FINGERPRINT, shown SHA-256 FINGERPRINT. If its certificate was replaced on purpose, remove the known one (csync2 --forget-cert b.demo) and try again; if not, somebody may be standing in for it.\nFinished with 1 errors.\n",
    "why": "D 7.4.12",
  },
  "checktxt/mtime below one second": { "rows": { "dirty": [["a/f"]] }, "why": "D 7.3.5" },
  "checktxt/symlink target below a prefix (defect: not seen)": {
    "rows": { "dirty": [["%p%/l"]] },
    "why": "D 7.3.4",
  },
  "checktxt/ignore statement added: every entry changes": {
    "rows": { "dirty": [] },
    "why": "D 7.3.11",
  },
};
