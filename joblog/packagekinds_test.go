package joblog_test

// packageKinds are outputs of what installs packages, and of what checks code that is
// not run.
var packageKinds = []kindOfFailure{
	{
		name: "pip builds a wheel",
		output: `  Building wheel for psycopg2 (setup.py): finished with status 'error'
  error: subprocess-exited-with-error
  
  × python setup.py bdist_wheel did not run successfully.
  │ exit code: 1
  ╰─> [40 lines of output]
      running bdist_wheel
      running build
      copying lib/errors.py -> build/lib/psycopg2
      building 'psycopg2._psycopg' extension
      
      Error: pg_config executable not found.
      
      pg_config is required to build psycopg2 from source.
      [end of output]
  
  note: This error originates from a subprocess, and is likely not a problem with pip.
  ERROR: Failed building wheel for psycopg2
Failed to build psycopg2
ERROR: Could not build wheels for psycopg2, which is required to install pyproject.toml-based projects
`,
		want:  []string{"pg_config executable not found", "Could not build wheels for psycopg2"},
		never: []string{"errors.py", "originates from a subprocess"},
	},
	{
		name: "Poetry",
		output: `Updating dependencies
Resolving dependencies...

Because app depends on lib-b (^2.0) which doesn't match any versions, version solving failed.
`,
		want: []string{"lib-b (^2.0) which doesn't match any versions"},
	},
	{
		name: "uv",
		output: `Using CPython 3.12.3
  × No solution found when resolving dependencies:
  ╰─▶ Because only lib-b<2 is available and your project depends on lib-b>=2,
      we can conclude that your project's requirements are unsatisfiable.
`,
		want: []string{"No solution found", "only lib-b<2 is available"},
	},
	{
		name:   "Pipenv",
		output: "Your Pipfile.lock (3cd2b8) is out of date. Expected: (a81f03).\nUsage: pipenv install [OPTIONS] [PACKAGES]...\n\nERROR:: Aborting deploy\n",
		want:   []string{"Pipfile.lock (3cd2b8) is out of date"},
		never:  []string{"Usage"},
	},
	{
		name: "conda",
		output: `Collecting package metadata: done
Solving environment: failed

PackagesNotFoundError: The following packages are not available from current channels:

  - lib-z=3.1

Current channels:

  - https://conda.example.com/linux-64
`,
		want: []string{"PackagesNotFoundError", "lib-z=3.1"},
	},
	{
		name: "bundler builds an extension",
		output: `Gem::Ext::BuildError: ERROR: Failed to build gem native extension.

    current directory: /usr/local/bundle/gems/pg-1.5.4/ext
/usr/local/bin/ruby -I /usr/local/lib/ruby/3.2.0 extconf.rb
checking for pg_config... no
checking for libpq per pkg-config... no
*** extconf.rb failed ***
Could not create Makefile due to some reason, probably lack of necessary
libraries and/or headers.  Check the mkmf.log file for more details.

An error occurred while installing pg (1.5.4), and Bundler cannot continue.

In Gemfile:
  pg
`,
		want: []string{"An error occurred while installing pg (1.5.4)", "*** extconf.rb failed ***"},
	},
	{
		name: "Rails without a database",
		output: `rails aborted!
ActiveRecord::ConnectionNotEstablished: connection to server at "172.17.0.3", port 5432 failed: Connection refused
	Is the server running on that host and accepting TCP/IP connections?
/usr/local/bundle/gems/activerecord-7.1.2/lib/active_record/connection_adapters/postgresql_adapter.rb:87:in ` + "`rescue in new_client'" + `
/builds/group/app/config/environment.rb:5:in ` + "`<top (required)>'" + `

Caused by:
PG::ConnectionBad: connection to server at "172.17.0.3", port 5432 failed: Connection refused
Tasks: TOP => db:schema:load
(See full trace by running task with --trace)
`,
		want:  []string{`connection to server at "172.17.0.3", port 5432 failed: Connection refused`, "config/environment.rb:5"},
		never: []string{"postgresql_adapter.rb", "See full trace"},
	},
	{
		name: "a lock of composer",
		output: `Installing dependencies from lock file (including require-dev)
Verifying lock file contents can be installed on current platform.
Your lock file does not contain a compatible set of packages. Please run composer update.

  Problem 1
    - acme/http is locked to version 2.0.0 and an update of this package was not requested.
    - acme/http 2.0.0 requires php ^8.3 -> your php version (8.2.4) does not satisfy that requirement.

`,
		want: []string{"Your lock file does not contain", "requires php ^8.3"},
	},
	{
		name: "Laravel",
		output: `
   Illuminate\Database\QueryException 

  SQLSTATE[HY000] [2002] Connection refused (SQL: select * from migrations)

  at vendor/laravel/framework/src/Illuminate/Database/Connection.php:671
    667|         // If an exception occurs when attempting to run a query
  ➜ 671|             throw new QueryException(
`,
		want: []string{"QueryException", "SQLSTATE[HY000] [2002] Connection refused", "Connection.php:671"},
	},
	{
		name:   "Psalm",
		output: "Scanning files...\nAnalyzing files...\n\nERROR: UndefinedClass - src/Cart.php:3:13 - Class, interface or enum named App\\Foo does not exist (see https://psalm.dev/019)\n\n------------------------------\n1 errors found\n------------------------------\n",
		want:   []string{"src/Cart.php:3:13"},
	},
	{
		name: "dependencies of mix",
		output: `Unchecked dependencies for environment test:
* jason (Hex package)
  the dependency is not available, run "mix deps.get"
** (Mix) Can't continue due to errors on dependencies
`,
		want: []string{"jason (Hex package)", "Can't continue due to errors on dependencies"},
	},
	{
		name:   "SimpleCov",
		output: "12 examples, 0 failures\n\nLine coverage (85.00%) is below the expected minimum coverage (90.00%).\nSimpleCov failed with exit 2 due to a coverage related error\n",
		want:   []string{"(85.00%) is below the expected minimum coverage"},
	},
	{
		name: "MkDocs",
		output: `INFO    -  Building documentation to directory: /builds/group/app/site
WARNING -  Doc file 'index.md' contains a link 'setup.md', but the target is not found among documentation files.

Aborted with 1 warnings in strict mode!
`,
		want: []string{"contains a link 'setup.md'", "Aborted with 1 warnings"},
	},
	{
		name: "Checkov",
		output: `Passed checks: 1, Failed checks: 1, Skipped checks: 0

Check: CKV_AWS_93: "Ensure S3 bucket policy does not lockout all but root user."
	PASSED for resource: aws_s3_bucket.data
	File: /main.tf:1-6
Check: CKV_AWS_20: "S3 Bucket has an ACL defined which allows public READ access."
	FAILED for resource: aws_s3_bucket.data
	File: /main.tf:9-14
`,
		want:  []string{"CKV_AWS_20", "FAILED for resource: aws_s3_bucket.data", "/main.tf:9-14"},
		never: []string{"CKV_AWS_93"},
	},
	{
		name:   "Hadolint",
		output: "Dockerfile:3 DL3008 warning: Pin versions in apt get install.\nDockerfile:7 DL3020 error: Use COPY instead of ADD for files and folders\n",
		want:   []string{"Dockerfile:7 DL3020 error"},
	},
	{
		name:   "SQLFluff",
		output: "== [models/a.sql] FAIL\nL:   1 | P:   8 | LT01 | Expected only single space before 'FROM' keyword.\n                       | Found '  '. [layout.spacing]\nAll Finished 📜 🎉!\n",
		want:   []string{"models/a.sql", "Expected only single space"},
	},
	{
		name:   "pip-audit",
		output: "Found 1 known vulnerability in 1 package\nName   Version ID                  Fix Versions\n------ ------- ------------------- ------------\njinja2 2.11.2  GHSA-g3rq-g295-4j3m 2.11.3\n",
		want:   []string{"jinja2 2.11.2  GHSA-g3rq-g295-4j3m"},
	},
	{
		name: "Brakeman",
		output: `== Warnings ==

Confidence: High
Category: SQL Injection
Check: SQL
Message: Possible SQL injection
Code: Order.where("id = #{params[:id]}")
File: app/models/order.rb
Line: 3
`,
		want: []string{"Possible SQL injection", "app/models/order.rb"},
	},
	{
		name:   "cpanm",
		output: "--> Working on Text::Nosuch\n! Finding Text::Nosuch on cpanmetadb failed.\n! Couldn't find module or a distribution Text::Nosuch\n",
		want:   []string{"Couldn't find module or a distribution Text::Nosuch"},
	},
}
