// SPDX-License-Identifier: Apache-2.0

package images

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestParseOneLine(t *testing.T) {
	got := parseOneLine(`# the system's archive
deb http://mirror.example/debian bookworm main contrib # all of it
deb-src http://mirror.example/debian bookworm main
#deb http://off.example/debian sid main
deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/other  stable   main
deb [ signed-by=/k2.gpg ] http://mirror.example/third stable main
deb	http://tab.example/debian	sid	main
deb http://short.example/debian sid
deb [broken http://x.example/debian sid main
debian http://x.example/debian sid main
deb
`)
	want := []archive{
		{[]string{"http://mirror.example/debian"}, []string{"bookworm"}, []string{"main", "contrib"}, ""},
		{[]string{"http://mirror.example/other"}, []string{"stable"}, []string{"main"}, "/k.gpg"},
		{[]string{"http://mirror.example/third"}, []string{"stable"}, []string{"main"}, "/k2.gpg"},
		{[]string{"http://tab.example/debian"}, []string{"sid"}, []string{"main"}, ""},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("parseOneLine:\n got %+v\nwant %+v", got, want)
	}
}

func TestParseDeb822(t *testing.T) {
	got := parseDeb822(`Types: deb deb-src
# comment in the middle
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/k.gpg

Types: deb-src
URIs: http://src.example/debian
Suites: sid
Components: main


Types: deb
URIs: http://off.example/debian
Suites: sid
Components: main
Enabled: no

types: deb
uris: http://a.example/debian
 http://b.example/debian
suites: sid
components: main
signed-by:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 abc

Types: deb
Suites: sid
`)
	want := []archive{
		{[]string{"http://mirror.example/debian"}, []string{"bookworm", "bookworm-updates"}, []string{"main"}, "/usr/share/keyrings/k.gpg"},
		{[]string{"http://a.example/debian", "http://b.example/debian"}, []string{"sid"}, []string{"main"}, "\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n.\nabc"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("parseDeb822:\n got %+v\nwant %+v", got, want)
	}
	// A key that is written out again is the key that was read.
	again := parseDeb822(want[1].deb822("forky"))
	if len(again) != 1 || again[0].signedBy != want[1].signedBy || again[0].suites[0] != "forky" {
		t.Errorf("written and read again: %+v", again)
	}
}

func TestSystemArchives(t *testing.T) {
	etc := t.TempDir()
	for name, text := range map[string]string{
		"sources.list":                "deb http://one.example/debian sid main\n",
		"sources.list.d/b.list":       "deb http://three.example/x sid main\n",
		"sources.list.d/a.sources":    "Types: deb\nURIs: http://two.example/x\nSuites: sid\nComponents: main\n",
		"sources.list.d/c.list.save":  "deb http://no.example/x sid main\n",
		"sources.list.d/d.disabled":   "deb http://no.example/x sid main\n",
		"sources.list.d/e.list/inner": "deb http://no.example/x sid main\n",
	} {
		path := filepath.Join(etc, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, a := range systemArchives(etc) {
		got = append(got, a.uris...)
	}
	want := []string{"http://one.example/debian", "http://two.example/x", "http://three.example/x"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("systemArchives = %v, want %v", got, want)
	}
	if none := systemArchives(filepath.Join(etc, "nowhere")); len(none) != 0 {
		t.Errorf("systemArchives of nothing = %v", none)
	}
}

func TestDebianArchive(t *testing.T) {
	deb := archive{uris: []string{"http://mirror.example/debian/"}, suites: []string{"bookworm"}, components: []string{"main"}}
	sec := archive{uris: []string{"http://mirror.example/debian-security"}, suites: []string{"bookworm-security"}, components: []string{"main"}}
	secNamed := archive{uris: []string{"http://mirror.example/debian"}, suites: []string{"bookworm-security"}, components: []string{"main"}}
	third := archive{uris: []string{"http://vendor.example/tool"}, suites: []string{"bookworm"}, components: []string{"main"}}
	free := archive{uris: []string{"http://mirror.example/debian"}, suites: []string{"bookworm"}, components: []string{"non-free"}}
	old := archive{uris: []string{"http://old.example/debian"}, suites: []string{"bullseye"}, components: []string{"main"}}
	for name, tc := range map[string]struct {
		all  []archive
		want string
	}{
		"alone":                   {[]archive{deb}, deb.uris[0]},
		"among others":            {[]archive{sec, secNamed, third, free, deb}, deb.uris[0]},
		"own release is better":   {[]archive{old, deb}, deb.uris[0]},
		"another release will do": {[]archive{old, third}, old.uris[0]},
		"nothing of Debian":       {[]archive{third, sec}, ""},
		"nothing":                 {nil, ""},
	} {
		got, ok := debianArchive(tc.all, "bookworm")
		if ok != (tc.want != "") || ok && got.uris[0] != tc.want {
			t.Errorf("%s: %v %v, want %q", name, got.uris, ok, tc.want)
		}
	}
}

func TestOSCodename(t *testing.T) {
	for text, want := range map[string]string{
		"ID=debian\nVERSION_CODENAME=bookworm\n": "bookworm",
		"VERSION_CODENAME=\"trixie\"":            "trixie",
		"ID=other":                               "",
	} {
		if got := osCodename(text); got != want {
			t.Errorf("osCodename(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestNewestVersioned(t *testing.T) {
	names := []string{"linux-source-6.12", "linux-source-7.2", "linux-source-7.10", "linux-source-7.9", "linux-source", "linux-source-7.11-rt", "linux-source-"}
	if got, ok := newestVersioned(names, "linux-source-"); !ok || got != "linux-source-7.10" {
		t.Errorf("newestVersioned = %q, %v; want linux-source-7.10", got, ok)
	}
	if got, ok := newestVersioned([]string{"linux-source", "7.2"}, "linux-source-"); ok {
		t.Errorf("newestVersioned of none = %q", got)
	}
}

func TestParseAptStatus(t *testing.T) {
	pct, what, ok := parseAptStatus("dlstatus:1:42.5:Retrieving file 1 of 1")
	if !ok || pct != 42.5 || what != "Retrieving file 1 of 1" {
		t.Errorf("got %v %q %v", pct, what, ok)
	}
	for _, line := range []string{"", "dlstatus", "dlstatus:1:x:y", "pmstatus:p:10:y", "dlstatus:1:101:y", "dlstatus:1:NaN:y", "dlstatus:1:-1:y"} {
		if _, _, ok := parseAptStatus(line); ok {
			t.Errorf("%q is taken for a status", line)
		}
	}
}

func TestKernelOf(t *testing.T) {
	deps := dependNames("linux-image-7.2.12+deb14-riscv64 (= 7.2.12-1), kmod | busybox:any, foo")
	if want := []string{"linux-image-7.2.12+deb14-riscv64", "kmod", "foo"}; !reflect.DeepEqual(deps, want) {
		t.Errorf("dependNames = %q, want %q", deps, want)
	}
	if got, ok := kernelOf(debRecord{Name: "linux-image-riscv64", Depends: deps}); !ok || got != deps[0] {
		t.Errorf("kernelOf the meta-package = %q, %v", got, ok)
	}
	split := debRecord{Name: deps[0], Depends: []string{"kmod", "linux-binary-7.2.12+deb14-riscv64"}}
	if got, ok := kernelOf(split); !ok || got != split.Depends[1] {
		t.Errorf("kernelOf a split package = %q, %v", got, ok)
	}
	for _, rec := range []debRecord{{Name: "opensbi", Depends: deps}, {Name: deps[0], Depends: []string{"kmod", "linux-base"}}} {
		if got, ok := kernelOf(rec); ok {
			t.Errorf("kernelOf(%s) = %q", rec.Name, got)
		}
	}
}

func TestAptConfigTakesNoHooks(t *testing.T) {
	a := &apt{dir: "/state", suite: "forky", arch: "riscv64"}
	got := a.config(`APT::Architecture "amd64";
APT::Update::Post-Invoke:: "rm -f /var/cache/apt/archives/*.deb";
Acquire::http::Proxy "http://proxy.example:3128";
Acquire::Languages "de";
Acquire::https::CAInfo "/etc/ca.pem";
DPkg::Post-Invoke:: "reboot";
Dir::State "var/lib/apt";
`)
	for _, want := range []string{
		`Acquire::http::Proxy "http://proxy.example:3128";`,
		`Acquire::https::CAInfo "/etc/ca.pem";`,
		`Dir::State "/state";`,
		`APT::Architecture "riscv64";`,
		`Acquire::Languages "none";`,
	} {
		if !strings.Contains(got, want+"\n") {
			t.Errorf("configuration lacks %s", want)
		}
	}
	for _, bad := range []string{"Invoke", "reboot", "amd64", "var/lib/apt", `"de"`} {
		if strings.Contains(got, bad) {
			t.Errorf("configuration has %s", bad)
		}
	}
}

func TestAptFailureIsOneLine(t *testing.T) {
	a := &apt{dir: "/state", suite: "forky"}
	failed := errors.New("exit status 100")
	for name, tc := range map[string]struct{ said, want string }{
		"no network":  {"Err:1 http://mirror.example/debian forky InRelease\n  Could not connect\nE: Failed to fetch http://mirror.example: Could not connect\nE: Some index files failed\n", "no network?"},
		"no key":      {"W: GPG error: NO_PUBKEY 0123\nE: The repository is not signed.\n", "debian-archive-keyring"},
		"no suite":    {"E: The repository 'x' does not have a Release file.\n", "Release file"},
		"full disk":   {"E: Write error - write (28: No space left on device)\n", "no space left"},
		"says little": {"oops\n", "oops"},
	} {
		err := a.explain(t.Context(), "package lists", failed, tc.said)
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v; want one line with %q", name, err, tc.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.explain(ctx, "x", failed, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestNamesThatMustNotPass(t *testing.T) {
	for _, s := range []string{"", "../x", "-x", "a b", "a/b", "forky;", "Forky\n", "."} {
		if isSuiteName(s) {
			t.Errorf("isSuiteName(%q)", s)
		}
		if _, err := (Options{CacheDir: t.TempDir(), Suite: "forky"}).FetchDeb(t.Context(), s, "riscv64"); err == nil {
			t.Errorf("FetchDeb of %q succeeds", s)
		}
	}
	for _, s := range []string{"forky", "bookworm-backports", "sid"} {
		if !isSuiteName(s) {
			t.Errorf("isSuiteName(%q) is false", s)
		}
	}
	if _, err := Find(t.Context(), Options{CacheDir: t.TempDir(), Suite: "../x"}); err == nil || !strings.Contains(err.Error(), "suite") {
		t.Errorf("Find with a bad suite: %v", err)
	}
}

func FuzzSources(f *testing.F) {
	f.Add("deb [signed-by=/k] http://mirror.example/debian sid main\n")
	f.Add("Types: deb\nURIs: http://mirror.example/debian\nSuites: sid\nComponents: main\nSigned-By:\n -----\n .\n")
	f.Add("deb [")
	f.Add(" x\n:\n:y\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		for _, all := range [][]archive{parseOneLine(text), parseDeb822(text)} {
			for _, a := range all {
				if len(a.uris) == 0 || len(a.suites) == 0 || len(a.components) == 0 {
					t.Errorf("incomplete archive %+v", a)
				}
			}
		}
		dependNames(text)
		parseAptStatus(text)
		if _, err := parseConfig(text); err != nil && strings.Contains(err.Error(), "\n") {
			t.Errorf("error of several lines: %q", err)
		}
	})
}
