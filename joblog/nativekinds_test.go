package joblog_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// nativeKinds are outputs of Go, C, C++ and Rust, in versions and modes that the corpus lacks.
var nativeKinds = []struct {
	name   string
	output string
	want   []string // lines that are shown
	never  []string // what none has
}{
	{
		name: "go test -v, tests side by side, each with a log",
		output: "=== RUN   TestA\n=== PAUSE TestA\n=== RUN   TestB\n=== PAUSE TestB\n=== RUN   TestC\n    c_test.go:3: error: none so far\n--- PASS: TestC (0.00s)\n" +
			"=== CONT  TestA\n=== CONT  TestB\n    b_test.go:9: fatal error expected\n=== NAME  TestA\n    a_test.go:7: got 1, want 2\n    a_test.go:8: and more\n=== NAME  TestB\n    b_test.go:10: failed as it should\n" +
			"--- PASS: TestB (0.00s)\n--- FAIL: TestA (0.01s)\nFAIL\nFAIL\texample.com/app\t0.014s\nok  \texample.com/app/errors\t0.1s\nFAIL\n",
		want:  []string{"--- FAIL: TestA (0.01s)", "    a_test.go:7: got 1, want 2", "    a_test.go:8: and more"},
		never: []string{"_test.go:3", "b_test.go", "errors"},
	},
	{
		name: "go test -json",
		output: `{"ImportPath":"example.com/app/b","Action":"build-output","Output":"# example.com/app/b\n"}` + "\n" +
			`{"ImportPath":"example.com/app/b","Action":"build-output","Output":"b/b.go:3:2: undefined: \"x\" \u003c y\n"}` + "\n" +
			`{"ImportPath":"example.com/app/b","Action":"build-fail"}` + "\n" +
			`{"Time":"2026-01-02T03:04:05Z","Action":"output","Package":"example.com/app","Test":"TestA","Output":"=== RUN   TestA\n"}` + "\n" +
			`{"Time":"2026-01-02T03:04:05Z","Action":"output","Package":"example.com/app","Test":"TestA","Output":"    a_test.go:7: got \"1\"\n"}` + "\n" +
			`{"Time":"2026-01-02T03:04:05Z","Action":"output","Package":"example.com/app","Test":"TestA","Output":"--- FAIL: TestA (0.00s)\n"}` + "\n" +
			`{"Time":"2026-01-02T03:04:05Z","Action":"fail","Package":"example.com/app","Test":"TestA","Elapsed":0}` + "\n",
		want:  []string{"# example.com/app/b", `b/b.go:3:2: undefined: "x" < y`, "--- FAIL: TestA (0.00s)", `    a_test.go:7: got "1"`},
		never: []string{"Elapsed"},
	},
	{
		name: "go test -trimpath, panic in a library",
		output: "--- FAIL: TestA (0.00s)\npanic: boom [recovered]\n\tpanic: boom\n\ngoroutine 7 [running]:\ntesting.tRunner.func1.2({0x1, 0x2})\n\ttesting/testing.go:1545 +0x238\npanic({0x1?, 0x2?})\n\truntime/panic.go:914 +0x21f\n" +
			"github.com/x/lib.Do(...)\n\tgithub.com/x/lib@v1.2.3/lib.go:10\nexample.com/app.TestA(0x3)\n\texample.com/app/a_test.go:8 +0x17\ntesting.tRunner(0x3, 0x4)\n\ttesting/testing.go:1595 +0xff\nFAIL\texample.com/app\t0.004s\nFAIL\n",
		want:  []string{"panic: boom [recovered]", "\texample.com/app/a_test.go:8 +0x17"},
		never: []string{"testing/testing.go", "runtime/panic.go"},
	},
	{
		name:   "go test, deadlock",
		output: "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [chan receive]:\nmain.wait(...)\n\t/builds/group/app/main.go:12\nmain.main()\n\t/builds/group/app/main.go:7 +0x25\nexit status 2\n",
		want:   []string{"fatal error: all goroutines are asleep - deadlock!", "\t/builds/group/app/main.go:12", "\t/builds/group/app/main.go:7 +0x25"},
	},
	{
		name:   "cgo without a compiler",
		output: "go: downloading github.com/mattn/go-sqlite3 v1.14.22\n# runtime/cgo\ncgo: C compiler \"gcc\" not found: exec: \"gcc\": executable file not found in $PATH\n",
		want:   []string{`cgo: C compiler "gcc" not found: exec: "gcc": executable file not found in $PATH`},
	},
	{
		name:   "go without a module",
		output: "go: cannot find main module, but found .git/config in /builds/group/app\n\tto create a module there, run:\n\tgo mod init\n",
		want:   []string{"go: cannot find main module, but found .git/config in /builds/group/app"},
	},
	{
		name:   "golangci-lint 1",
		output: "level=warning msg=\"[runner] The linter 'x' is deprecated\"\ninternal/a.go:19:17: Error return value of `f.Close` is not checked (errcheck)\n\tf.Close()\n\t       ^\n",
		want:   []string{"internal/a.go:19:17: Error return value of `f.Close` is not checked (errcheck)"},
		never:  []string{"deprecated"},
	},
	{
		name:   "ginkgo 1",
		output: "• Failure [0.001 seconds]\nBook\n/builds/group/app/b_test.go:10\n  is a novel [It]\n  /builds/group/app/b_test.go:20\n\n  Expected\n      <int>: 3\n  to equal\n      <int>: 4\n\n  /builds/group/app/b_test.go:22\n------------------------------\nSummarizing 1 Failure:\n\n[Fail] Book [It] is a novel\n/builds/group/app/b_test.go:22\n\nRan 1 of 1 Specs in 0.001 seconds\nFAIL! -- 0 Passed | 1 Failed | 0 Pending | 0 Skipped\n",
		want:   []string{"[Fail] Book [It] is a novel", "      <int>: 3", "  /builds/group/app/b_test.go:22"},
	},

	{
		name:   "gcc in German",
		output: "cc -c main.c\nmain.c: In Funktion »main«:\nmain.c:3:5: Warnung: Implizite Deklaration der Funktion »f«\n    3 |     f();\nmain.c:4:9: Fehler: »x« nicht deklariert\n    4 |     y = x;\nmake: *** [Makefile:2: main.o] Fehler 1\n",
		want:   []string{"main.c:4:9: Fehler: »x« nicht deklariert", "    4 |     y = x;"},
		never:  []string{"Warnung", "make:"},
	},
	{
		name:   "cl and link",
		output: "main.cpp\nC:\\builds\\group\\app\\main.cpp(12,5): error C2065: 'x': undeclared identifier [C:\\builds\\group\\app\\app.vcxproj]\nutil.obj : error LNK2019: unresolved external symbol \"int __cdecl f(void)\" referenced in function main\napp.exe : fatal error LNK1120: 1 unresolved externals\n",
		want:   []string{"C:\\builds\\group\\app\\main.cpp(12,5): error C2065: 'x': undeclared identifier [C:\\builds\\group\\app\\app.vcxproj]", "util.obj : error LNK2019: unresolved external symbol \"int __cdecl f(void)\" referenced in function main"},
	},
	{
		name:   "ld of macOS",
		output: "Undefined symbols for architecture arm64:\n  \"_nosuch\", referenced from:\n      _main in main-1a2b3c.o\nld: symbol(s) not found for architecture arm64\nclang: error: linker command failed with exit code 1 (use -v to see invocation)\n",
		want:   []string{"Undefined symbols for architecture arm64:", "  \"_nosuch\", referenced from:"},
		never:  []string{"use -v"},
	},
	{
		name:   "a sanitizer's runtime error",
		output: "src/a.c:14:9: runtime error: signed integer overflow: 2147483647 + 1 cannot be represented in type 'int'\nSUMMARY: UndefinedBehaviorSanitizer: undefined-behavior src/a.c:14:9 in \n",
		want:   []string{"src/a.c:14:9: runtime error: signed integer overflow: 2147483647 + 1 cannot be represented in type 'int'"},
	},
	{
		name:   "an exception without a handler",
		output: "loading\nterminate called after throwing an instance of 'std::runtime_error'\n  what():  no such table\n/bin/bash: line 140:    57 Aborted                 (core dumped) ./app\n",
		want:   []string{"terminate called after throwing an instance of 'std::runtime_error'", "  what():  no such table"},
	},
	{
		name:   "doctest",
		output: "[doctest] run with \"--help\" for options\n===============================================================================\nt.cpp:5:\nTEST CASE:  factorials\n\nt.cpp:7: ERROR: CHECK( fact(0) == 1 ) is NOT correct!\n  values: CHECK( 0 == 1 )\n\n===============================================================================\n[doctest] test cases: 1 | 0 passed | 1 failed | 0 skipped\n[doctest] Status: FAILURE!\n",
		want:   []string{"TEST CASE:  factorials", "t.cpp:7: ERROR: CHECK( fact(0) == 1 ) is NOT correct!", "  values: CHECK( 0 == 1 )"},
	},
	{
		name:   "Boost.Test",
		output: "Running 2 test cases...\nt.cpp(7): error: in \"suite/adds\": check 1 + 1 == 3 has failed [2 != 3]\n\n*** 1 failure is detected in the test module \"all\"\n",
		want:   []string{"t.cpp(7): error: in \"suite/adds\": check 1 + 1 == 3 has failed [2 != 3]"},
	},
	{
		name:   "Check and Unity",
		output: "50%: Checks: 2, Failures: 1, Errors: 0\nt.c:10:F:Core:test_x:0: Assertion 'x == 1' failed: x == 0, 1 == 1\nu.c:20:test_y:FAIL: Expected 1 Was 2\nu.c:30:test_error:PASS\n",
		want:   []string{"t.c:10:F:Core:test_x:0: Assertion 'x == 1' failed: x == 0, 1 == 1", "u.c:20:test_y:FAIL: Expected 1 Was 2"},
		never:  []string{"test_error"},
	},
	{
		name:   "QtTest",
		output: "PASS   : TestA::initTestCase()\nFAIL!  : TestA::upper() Compared values are not the same\n   Actual   (s): \"a\"\n   Expected (u): \"A\"\n   Loc: [t.cpp(12)]\nPASS   : TestA::cleanupTestCase()\nTotals: 2 passed, 1 failed, 0 skipped\n",
		want:   []string{"FAIL!  : TestA::upper() Compared values are not the same", "   Actual   (s): \"a\"", "   Loc: [t.cpp(12)]"},
		never:  []string{"cleanupTestCase"},
	},
	{
		name:   "ctest -V",
		output: "test 7\n    Start 7: error_texts\n\n7: Test command: /builds/group/app/build/error_texts\n7: [ RUN      ] Text.Error\n7: t.cc:9: Failure\n7: Value of: f()\n7:   Actual: false\n7: Expected: true\n7: [  FAILED  ] Text.Error (0 ms)\n1/1 Test #7: error_texts ......................***Failed    0.02 sec\n\nThe following tests FAILED:\n\t  7 - error_texts (Failed)\nErrors while running CTest\n",
		want:   []string{"7: t.cc:9: Failure", "7: Value of: f()", "7: [  FAILED  ] Text.Error (0 ms)", "\t  7 - error_texts (Failed)"},
		never:  []string{"Test command", "Errors while"},
	},
	{
		name:   "CMake without a compiler",
		output: "-- The C compiler identification is unknown\nCMake Error at CMakeLists.txt:2 (project):\n  No CMAKE_C_COMPILER could be found.\n\n  Tell CMake where to find the compiler by setting either the environment\n  variable \"CC\" or the CMake cache entry CMAKE_C_COMPILER.\n\n\n-- Configuring incomplete, errors occurred!\n",
		want:   []string{"CMake Error at CMakeLists.txt:2 (project):", "  No CMAKE_C_COMPILER could be found."},
		never:  []string{"incomplete"},
	},
	{
		name:   "make, a target that ends the build with a text",
		output: "Makefile:4: *** VERSION is not set.  Stop.\n",
		want:   []string{"Makefile:4: *** VERSION is not set.  Stop."},
	},
	{
		name:   "ninja, a command of the project",
		output: "[1/9] Generating a\n[2/9] Generating b\nFAILED: gen/b.h \ncd /builds/group/app && ./gen.sh b > gen/b.h\ngen.sh: table b has no key\n[3/9] Generating c\nninja: build stopped: subcommand failed.\n",
		want:   []string{"FAILED: gen/b.h", "gen.sh: table b has no key"},
	},

	{
		name:   "a panic of Rust before 1.73",
		output: "running 1 test\ntest tests::adds ... FAILED\n\nfailures:\n\n---- tests::adds stdout ----\nthread 'tests::adds' panicked at 'assertion failed: `(left == right)`\n  left: `-1`,\n right: `3`', src/lib.rs:6:9\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n\n\nfailures:\n    tests::adds\n\ntest result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\nerror: test failed, to rerun pass '--lib'\n",
		want:   []string{"test tests::adds ... FAILED", "  left: `-1`,", " right: `3`', src/lib.rs:6:9"},
		never:  []string{"rerun pass", "RUST_BACKTRACE"},
	},
	{
		name:   "cargo nextest",
		output: "    Starting 3 tests across 1 binary\n        PASS [   0.004s] app tests::errors_are_kept\n        FAIL [   0.005s] app tests::adds\n\n--- STDERR:              app tests::adds ---\nthread 'tests::adds' panicked at src/lib.rs:6:9:\nassertion `left == right` failed\n  left: -1\n right: 3\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n\n------------\n     Summary [   0.006s] 3 tests run: 2 passed, 1 failed, 0 skipped\n        FAIL [   0.005s] app tests::adds\nerror: test run failed\n",
		want:   []string{"        FAIL [   0.005s] app tests::adds", "thread 'tests::adds' panicked at src/lib.rs:6:9:", "  left: -1"},
		never:  []string{"errors_are_kept", "test run failed"},
	},
	{
		name:   "rustc cannot link",
		output: "   Compiling app v0.1.0 (/builds/group/app)\nerror: linking with `cc` failed: exit status: 1\n  |\n  = note: \"cc\" \"-m64\" \"/tmp/rustc/symbols.o\"\n  = note: /usr/bin/ld: cannot find -lpq: No such file or directory\n          collect2: error: ld returned 1 exit status\n\nerror: could not compile `app` (bin \"app\") due to 1 previous error\n",
		want:   []string{"error: linking with `cc` failed: exit status: 1", "  = note: /usr/bin/ld: cannot find -lpq: No such file or directory"},
		never:  []string{"could not compile"},
	},
	{
		name:   "cargo, a source that is down",
		output: "    Updating crates.io index\nwarning: spurious network error (3 tries remaining): [6] Could not resolve hostname\nerror: failed to get `serde` as a dependency of package `app v0.1.0 (/builds/group/app)`\n\nCaused by:\n  failed to query replaced source registry `crates-io`\n\nCaused by:\n  download of config.json failed\n",
		want:   []string{"error: failed to get `serde` as a dependency of package `app v0.1.0 (/builds/group/app)`", "  download of config.json failed"},
	},

	{
		name:   "Boost.Test, an exception",
		output: "Running 2 test cases...\nt.cpp(4): error: in \"cart/totals\": check 1 + 1 == 3 has failed [2 != 3]\nunknown location(0): fatal error: in \"cart/fails_when_empty\": std::runtime_error: cart is empty\nt.cpp(5): last checkpoint: \"fails_when_empty\" test entry\n\n*** 2 failures are detected in the test module \"all\"\n\n",
		want:   []string{"unknown location(0): fatal error: in \"cart/fails_when_empty\": std::runtime_error: cart is empty", "t.cpp(4): error: in \"cart/totals\": check 1 + 1 == 3 has failed [2 != 3]"},
		never:  []string{"last checkpoint", "detected"},
	},
	{
		name:   "cmocka",
		output: "[==========] Running 2 test(s).\n[ RUN      ] ok\n[       OK ] ok\n[ RUN      ] adds\n[  ERROR   ] --- 0x2 != 0x3\n[   LINE   ] --- m.c:6: error: Failure!\n[  FAILED  ] adds\n[==========] 2 test(s) run.\n[  PASSED  ] 1 test(s).\n[  FAILED  ] 1 test(s), listed below:\n[  FAILED  ] adds\n\n 1 FAILED TEST(S)\n",
		want:   []string{"[  ERROR   ] --- 0x2 != 0x3", "[   LINE   ] --- m.c:6: error: Failure!", "[  FAILED  ] adds"},
		never:  []string{"OK", "FAILED TEST"},
	},
	{
		name:   "Criterion",
		output: "[----] cr.c:2: Assertion Failed\n[----]   \n[----]   one and one is not three\n[----]   \n[FAIL] cart::totals: (0.00s)\n[====] Synthesis: Tested: 2 | Passing: 1 | Failing: 1 | Crashing: 0 \n",
		want:   []string{"[----] cr.c:2: Assertion Failed", "[----]   one and one is not three", "[FAIL] cart::totals: (0.00s)"},
		never:  []string{"Synthesis"},
	},
	{
		name:   "CppUTest",
		output: "\nc.cpp:5: error: Failure in TEST(Queue, Full)\n\texpected <a>\n\tbut was  <b>\n\tdifference starts at position 0 at: <          b         >\n\t                                               ^\n\n.\nc.cpp:4: error: Failure in TEST(Queue, Empty)\n\tLONGS_EQUAL(0, 1) failed\n\texpected <0 (0x0)>\n\tbut was  <1 (0x1)>\n\n.\nErrors (2 failures, 2 tests, 2 ran, 2 checks, 0 ignored, 0 filtered out, 1 ms)\n\n",
		want:   []string{"c.cpp:5: error: Failure in TEST(Queue, Full)", "c.cpp:4: error: Failure in TEST(Queue, Empty)"},
		never:  []string{"Errors ("},
	},
	{
		name:   "gfortran",
		output: "prog.f90:5:3:\n\n    5 |   x = n * 2.0\n      |   1\nError: Symbol ‘x’ at (1) has no IMPLICIT type\nprog.f90:7:10:\n\n    7 |   print *, n + \"b\"\n      |          1\nError: Operands of binary numeric operator ‘+’ at (1) are INTEGER(4)/CHARACTER(1)\n",
		want:   []string{"prog.f90:5:3:", "Error: Symbol ‘x’ at (1) has no IMPLICIT type", "    5 |   x = n * 2.0"},
	},
	{
		name:   "Verilator",
		output: "%Error: adder.v:4:1: syntax error, unexpected endmodule, expecting ',' or ';'\n    4 | endmodule\n      | ^~~~~~~~~\n%Error: Cannot continue\n",
		want:   []string{"%Error: adder.v:4:1: syntax error, unexpected endmodule, expecting ',' or ';'"},
		never:  []string{"Cannot continue"},
	},
	{
		name:   "Free Pascal",
		output: "Free Pascal Compiler version 3.2.2+dfsg-20 [2023/03/30] for x86_64\nCopyright (c) 1993-2021 by Florian Klaempfl and others\nTarget OS: Linux for x86-64\nCompiling p.pas\np.pas(4,8) Error: Incompatible types: got \"Constant String\" expected \"SmallInt\"\np.pas(5,11) Error: Identifier not found \"m\"\np.pas(7) Fatal: There were 2 errors compiling module, stopping\nFatal: Compilation aborted\nError: /usr/bin/ppcx64 returned an error exitcode\n",
		want:   []string{"p.pas(4,8) Error: Incompatible types: got \"Constant String\" expected \"SmallInt\"", "p.pas(5,11) Error: Identifier not found \"m\""},
		never:  []string{"ppcx64"},
	},
	{
		name:   "ldc2",
		output: "app.d(2): Error: cannot implicitly convert expression `\"x\"` of type `string` to `int`\napp.d(2): Error: undefined identifier `m`\n",
		want:   []string{"app.d(2): Error: cannot implicitly convert expression `\"x\"` of type `string` to `int`", "app.d(2): Error: undefined identifier `m`"},
	},
	{
		name:   "bison",
		output: "calc.y:3.22-25: error: symbol ‘term’ is used, but is not defined as a token and has no rules\n    3 | expr: NUM | expr '+' term ;\n      |                      ^~~~\n",
		want:   []string{"calc.y:3.22-25: error: symbol ‘term’ is used, but is not defined as a token and has no rules"},
	},
	{
		name:   "a checksum in go.sum",
		output: "verifying github.com/google/go-cmp@v0.7.0: checksum mismatch\n\tdownloaded: h1:wk8382ETsv4JYUZwIsn6YpYiWiBsYLSJiTsyBybVuN8=\n\tgo.sum:     h1:AAAABBBBHpYSdZTH/TCMy5Zt3l5RLmTJWTJT0/a8RrU=\n\nSECURITY ERROR\nThis download does NOT match an earlier download recorded in go.sum.\nThe bits may have been replaced on the origin server, or an attacker may\nhave intercepted the download attempt.\n\nFor more information, see 'go help module-auth'.\n",
		want:   []string{"verifying github.com/google/go-cmp@v0.7.0: checksum mismatch"},
		never:  []string{"go help module-auth"},
	},
	{
		name:   "a flag that a Go program does not have",
		output: "flag provided but not defined: -verbose\nUsage of /tmp/go-build2542748388/b001/exe/dead:\n  -addr string\n    \taddress of the server\nexit status 2\n",
		want:   []string{"flag provided but not defined: -verbose"},
		never:  []string{"Usage", "address of", "exit status"},
	},
	{
		name:   "a stack overflow in Go",
		output: "runtime: goroutine stack exceeds 1000000000-byte limit\nruntime: sp=0x21ebc2a60388 stack=[0x21ebc2a60000, 0x21ebe2a60000]\nfatal error: stack overflow\n\nruntime stack:\nruntime.throw({0x588527?, 0x6d6e60?})\n\t/usr/local/go/src/runtime/panic.go:1229 +0x48 fp=0x7fff406588c8 sp=0x7fff40658898 pc=0x483908\nruntime.newstack()\n\t/usr/local/go/src/runtime/stack.go:1207 +0x5fd fp=0x7fff406589f8 sp=0x7fff406588c8 pc=0x468f3d\nruntime.morestack()\n\t/usr/local/go/src/runtime/asm_amd64.s:681 +0x7d fp=0x7fff40658a00 sp=0x7fff406589f8 pc=0x488d7d\n\ngoroutine 4 gp=0x21eba292b2c0 m=0 mp=0x6d7e60 [running]:\nexample.com/leak.f(0x2aaaa51?)\n\t/builds/group/app/a_test.go:7 +0x2b fp=0x21ebc2a60398 sp=0x21ebc2a60390 pc=0x52e98b\nexample.com/leak.f(...)\n",
		want:   []string{"fatal error: stack overflow", "runtime: goroutine stack exceeds 1000000000-byte limit"},
		never:  []string{"runtime/panic.go"},
	},
	{
		name:   "errcheck",
		output: "y.go:5:21:\tfunc f() { os.Remove(\"a\"); defer os.Chdir(\"b\") }\ny.go:5:42:\tfunc f() { os.Remove(\"a\"); defer os.Chdir(\"b\") }\n",
		want:   []string{"y.go:5:21:\tfunc f() { os.Remove(\"a\"); defer os.Chdir(\"b\") }"},
	},
	{
		name:   "a stack overflow in Rust",
		output: "   Compiling app v0.1.0 (/builds/group/app)\n    Finished `dev` profile [unoptimized + debuginfo] target(s) in 0.75s\n     Running `target/debug/app`\nstarting\n\nthread 'main' (5774) has overflowed its stack\nfatal runtime error: stack overflow, aborting\n",
		want:   []string{"thread 'main' (5774) has overflowed its stack"},
		never:  []string{"aborting"},
	},
	{
		name:   "a test in Rust that ends its process",
		output: "   Compiling app v0.1.0 (/builds/group/app)\n    Finished `test` profile [unoptimized + debuginfo] target(s) in 0.90s\n     Running unittests src/lib.rs (target/debug/deps/app-71ce70495b798487)\n\nrunning 2 tests\nerror: test failed, to rerun pass `--lib`\n\nCaused by:\n  process didn't exit successfully: `/builds/group/app/target/debug/deps/app-71ce70495b798487` (signal: 6, SIGABRT: process abort signal)\n",
		want:   []string{"  process didn't exit successfully: `/builds/group/app/target/debug/deps/app-71ce70495b798487` (signal: 6, SIGABRT: process abort signal)"},
		never:  []string{"rerun"},
	},
	{
		name:   "cargo test -q",
		output: "\nrunning 3 tests\ntests::custom --- FAILED\ntests::errors --- FAILED\ntests::halves --- FAILED\n\nfailures:\n\n---- tests::custom stdout ----\n\nthread 'tests::custom' (6308) panicked at src/lib.rs:7:56:\nno price for tea\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n\n---- tests::errors stdout ----\nError: ParseIntError { kind: InvalidDigit }\n\n---- tests::halves stdout ----\n\nthread 'tests::halves' (6310) panicked at src/lib.rs:5:27:\nassertion `left == right` failed: rounding of 5\n  left: 2\n right: 3\n\n\nfailures:\n    tests::custom\n    tests::errors\n    tests::halves\n\ntest result: FAILED. 0 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s\n\nerror: test failed, to rerun pass `--lib`\n",
		want:   []string{"tests::custom --- FAILED", "no price for tea", "assertion `left == right` failed: rounding of 5"},
		never:  []string{"rerun", "RUST_BACKTRACE"},
	},
	{
		name:   "dpkg-buildpackage",
		output: "dpkg-buildpackage: info: source package shop\ndpkg-buildpackage: info: source version 1.0-1\ndpkg-buildpackage: info: source distribution unstable\ndpkg-buildpackage: info: source changed by A <a@example.com>\n dpkg-source --before-build .\ndpkg-buildpackage: info: host architecture amd64\ndpkg-checkbuilddeps: error: Unmet build dependencies: libnosuch-dev (>= 2)\ndpkg-buildpackage: warning: build dependencies/conflicts unsatisfied; aborting\ndpkg-buildpackage: warning: (Use -d flag to override.)\n",
		want:   []string{"dpkg-checkbuilddeps: error: Unmet build dependencies: libnosuch-dev (>= 2)"},
		never:  []string{"info:", "Use -d"},
	},
	{
		name:   "jq",
		output: "parse error: Objects must consist of key:value pairs at line 1, column 11\n",
		want:   []string{"parse error: Objects must consist of key:value pairs at line 1, column 11"},
	},
	{
		name:   "ThreadSanitizer",
		output: "==================\nWARNING: ThreadSanitizer: data race (pid=4147)\n  Read of size 4 at 0x559450090054 by thread T2:\n    #0 f /builds/group/app/ts.c:2 (ts+0x11d9)\n\n  Previous write of size 4 at 0x559450090054 by thread T1:\n    #0 f /builds/group/app/ts.c:2 (ts+0x11f1)\n\n  Location is global 'n' of size 4 at 0x559450090054 (ts+0x4054)\n\n  Thread T2 (tid=4150, running) created by main thread at:\n    #0 pthread_create ../../../../src/libsanitizer/tsan/tsan_interceptors_posix.cpp:1001 (libtsan.so.2+0x5e686)\n    #1 main /builds/group/app/ts.c:3 (ts+0x1266)\n\n  Thread T1 (tid=4149, finished) created by main thread at:\n    #0 pthread_create ../../../../src/libsanitizer/tsan/tsan_interceptors_posix.cpp:1001 (libtsan.so.2+0x5e686)\n    #1 main /builds/group/app/ts.c:3 (ts+0x1249)\n\nSUMMARY: ThreadSanitizer: data race /builds/group/app/ts.c:2 in f\n==================\nThreadSanitizer: reported 1 warnings\n",
		want:   []string{"WARNING: ThreadSanitizer: data race (pid=4147)", "    #0 f /builds/group/app/ts.c:2 (ts+0x11d9)", "SUMMARY: ThreadSanitizer: data race /builds/group/app/ts.c:2 in f"},
		never:  []string{"libsanitizer"},
	},

	{
		name:   "make 4.1",
		output: "main.c:3:1: error: unknown type name 'strct'\nMakefile:12: recipe for target 'main.o' failed\nmake: *** [main.o] Error 1\n",
		want:   []string{"main.c:3:1: error: unknown type name 'strct'"},
		never:  []string{"recipe", "make"},
	},
	{
		name: "Bazel, a target that does not compile",
		output: "INFO: Analyzed 12 targets (3 packages loaded, 140 targets configured).\nERROR: /builds/group/app/lib/BUILD:3:11: Compiling lib/a.cc failed: (Exit 1): gcc failed: error executing command (from target //lib:a) /usr/bin/gcc -U_FORTIFY_SOURCE -c lib/a.cc\n\n" +
			"Use --sandbox_debug to see verbose messages from the sandbox\nlib/a.cc: In function 'int main()':\nlib/a.cc:3:10: error: 'x' was not declared in this scope\n    3 |   return x;\n      |          ^\nTarget //lib:a failed to build\nUse --verbose_failures to see the command lines of failed build steps.\nINFO: Elapsed time: 1.4s, Critical Path: 0.5s\nFAILED: Build did NOT complete successfully\n",
		want:  []string{"lib/a.cc:3:10: error: 'x' was not declared in this scope"},
		never: []string{"sandbox_debug", "verbose_failures", "did NOT"},
	},
	{
		name:   "Bazel, a test that fails",
		output: "//lib:errors_test                                (cached) PASSED in 0.1s\n//lib:cart_test                                           FAILED in 0.3s\n  /root/.cache/bazel/_bazel_root/1/testlogs/lib/cart_test/test.log\n\nExecuted 1 out of 2 tests: 1 test passes and 1 fails locally.\nINFO: Build completed, 1 test FAILED, 4 total actions\n",
		want:   []string{"//lib:cart_test                                           FAILED in 0.3s"},
		never:  []string{"errors_test", "total actions"},
	},
	{
		name: "Yocto",
		output: "NOTE: Executing Tasks\nERROR: shop-1.0-r0 do_compile: oe_runmake failed\nERROR: shop-1.0-r0 do_compile: Execution of '/builds/group/app/tmp/run.do_compile.77' failed with exit code 1\nERROR: Logfile of failure stored in: /builds/group/app/tmp/log.do_compile.77\nLog data follows:\n| DEBUG: Executing shell function do_compile\n| NOTE: make -j 8\n" +
			"| main.c:3:10: fatal error: zlib.h: No such file or directory\n| ERROR: oe_runmake failed\nERROR: Task (/builds/group/app/meta-shop/shop_1.0.bb:do_compile) failed with exit code '1'\nNOTE: Tasks Summary: Attempted 812 tasks of which 811 didn't need to be rerun and 1 failed.\n",
		want:  []string{"ERROR: shop-1.0-r0 do_compile: oe_runmake failed", "| main.c:3:10: fatal error: zlib.h: No such file or directory"},
		never: []string{"Logfile", "Execution of"},
	},
	{
		name:   "a symbol that a kernel module lacks",
		output: "  MODPOST drivers/Module.symvers\nERROR: modpost: \"shop_read\" [drivers/shop.ko] undefined!\nmake[2]: *** [scripts/Makefile.modpost:145: Module.symvers] Error 1\n",
		want:   []string{"ERROR: modpost: \"shop_read\" [drivers/shop.ko] undefined!"},
		never:  []string{"MODPOST", "make[2]"},
	},
	{
		name:   "PlatformIO",
		output: "Compiling .pio/build/esp32/src/main.cpp.o\nsrc/main.cpp:12:3: error: 'Wifi' was not declared in this scope\n*** [.pio/build/esp32/src/main.cpp.o] Error 1\n========================= [FAILED] Took 12.31 seconds =========================\n",
		want:   []string{"src/main.cpp:12:3: error: 'Wifi' was not declared in this scope"},
		never:  []string{"***", "Took"},
	},
	{
		name: "XCTest",
		output: "Test Suite 'CartTests' started at 2026-01-02 03:04:05.000\nTest Case '-[AppTests.CartTests testErrors]' started.\nTest Case '-[AppTests.CartTests testErrors]' passed (0.001 seconds).\nTest Case '-[AppTests.CartTests testTotal]' started.\n/builds/group/app/Tests/CartTests.swift:12: error: -[AppTests.CartTests testTotal] : XCTAssertEqual failed: (\"3\") is not equal to (\"4\")\n" +
			"Test Case '-[AppTests.CartTests testTotal]' failed (0.002 seconds).\nTest Suite 'CartTests' failed at 2026-01-02 03:04:06.000.\n\t Executed 2 tests, with 1 failure (0 unexpected) in 0.003 (0.004) seconds\n** TEST FAILED **\n",
		want:  []string{"/builds/group/app/Tests/CartTests.swift:12: error: -[AppTests.CartTests testTotal] : XCTAssertEqual failed: (\"3\") is not equal to (\"4\")"},
		never: []string{"testErrors", "** TEST"},
	},
	{
		name:   "swift test",
		output: "/builds/group/app/Tests/AppTests/CartTests.swift:12: error: CartTests.testTotal : XCTAssertEqual failed: (\"3\") is not equal to (\"4\")\nTest Case 'CartTests.testTotal' failed (0.002 seconds)\n✘ Test \"adds tax\" recorded an issue at TaxTests.swift:9:5: Expectation failed: (119 → 119) == 120\n✘ Test \"adds tax\" failed after 0.001 seconds with 1 issue.\n",
		want:   []string{"/builds/group/app/Tests/AppTests/CartTests.swift:12: error: CartTests.testTotal : XCTAssertEqual failed: (\"3\") is not equal to (\"4\")", "✘ Test \"adds tax\" recorded an issue at TaxTests.swift:9:5: Expectation failed: (119 → 119) == 120"},
		never:  []string{"failed after"},
	},
	{
		name:   "Conan",
		output: "======== Computing dependency graph ========\nERROR: Package 'zed/1.4' not resolved: Unable to find 'zed/1.4' in remotes.\n",
		want:   []string{"ERROR: Package 'zed/1.4' not resolved: Unable to find 'zed/1.4' in remotes."},
	},
}

func TestNativeKinds(t *testing.T) {
	for _, kind := range nativeKinds {
		t.Run(kind.name, func(t *testing.T) {
			lines := shownOf(t, "$ ./test\n"+numbered("doing something %d", 12)+kind.output)
			for _, want := range kind.want {
				require.Contains(t, lines, want)
			}
			for _, never := range append(kind.never, "doing something") {
				require.NotContains(t, strings.Join(lines, "\n"), never)
			}
		})
	}
}

// The output of tests is kept until it is known which of them failed, with a limit.
func TestPendingTests(t *testing.T) {
	var script strings.Builder
	script.WriteString("$ go test -v\n")
	for i := range 5000 {
		fmt.Fprintf(&script, "=== RUN   Test%d\n    a_test.go:%d: %s\n", i, i+1, strings.Repeat("x", 100))
	}
	lines := shownOf(t, script.String()+"--- FAIL: Test0 (0.00s)\n--- FAIL: Test4999 (0.00s)\n--- PASS: Test4998 (0.00s)\n")
	require.Equal(t, []string{"--- FAIL: Test0 (0.00s)", "--- FAIL: Test4999 (0.00s)", "    a_test.go:5000: " + strings.Repeat("x", 100)}, lines)

	lines = shownOf(t, "$ go test -v\n=== RUN   TestA\n    a_test.go:1: one\n$ go test -v ./b\n--- FAIL: TestA (0.00s)\n")
	require.Equal(t, []string{"--- FAIL: TestA (0.00s)"}, lines, "of another command")
}

// A test is shown by its part that failed, in whichever order the two are reported.
func TestPartsOfTests(t *testing.T) {
	for _, order := range [][]string{{"TestA", "TestA/one"}, {"TestA/one", "TestA"}} {
		script := "$ gotestsum\n"
		for _, name := range order {
			script += "=== FAIL: app " + name + " (0.00s)\n"
		}
		require.Equal(t, []string{"=== FAIL: app TestA/one (0.00s)"}, shownOf(t, script))
	}
	lines := shownOf(t, "$ gotestsum\n--- FAIL: TestA (0.00s)\n    a_test.go:1: one\n=== FAIL: app TestA (0.00s)\n    a_test.go:1: one\n")
	require.Equal(t, []string{"--- FAIL: TestA (0.00s)", "    a_test.go:1: one"}, lines, "its name once")
}

// A line that says no more than that something failed is not worth showing behind a message.
func TestDullLastLine(t *testing.T) {
	script := "$ rsync -az www/ web1:/srv\nssh: connect to host web1 port 22: Connection refused\n"
	require.Len(t, shownOf(t, script+"rsync error: error in rsync protocol data stream (code 12) at io.c(285)\n"), 1)
	require.Len(t, shownOf(t, script+"site is not deployed\n"), 2)
}
