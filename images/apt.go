// SPDX-License-Identifier: Apache-2.0

package images

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// debianKeyrings are where Debian's keyring package puts its keys, in the order of
// preference.
func debianKeyrings() []string {
	return []string{
		"/usr/share/keyrings/debian-archive-keyring.pgp",
		"/usr/share/keyrings/debian-archive-keyring.gpg",
	}
}

// apt is a package manager state of our own for one suite and architecture: it
// uses the system's programs, mirror, proxies and keys, and none of its state.
type apt struct {
	dir    string // of the state
	suite  string
	arch   string // Debian's name, "" for the machine's own
	report *reporter
}

// debRecord is a package as the archive describes it.
type debRecord struct {
	Name    string   `json:"name"`
	Version string   `json:"version"`
	SHA256  string   `json:"sha256"`
	Depends []string `json:"depends,omitempty"` // names, without versions and alternatives
}

// newApt sets up a state below the cache directory of opts.
func newApt(ctx context.Context, opts Options, arch string, report *reporter) (*apt, error) {
	if err := require(debRequirements()); err != nil {
		return nil, err
	}
	src, err := aptSource(opts)
	if err != nil {
		return nil, err
	}
	name := opts.Suite
	if arch != "" {
		name += "-" + arch
	}
	a := &apt{dir: filepath.Join(opts.CacheDir, "apt", name), suite: opts.Suite, arch: arch, report: report}
	for _, sub := range []string{"lists/partial", "cache/archives/partial", "sources.list.d", "empty"} {
		if err := os.MkdirAll(filepath.Join(a.dir, sub), 0o755); err != nil {
			return nil, diskError(opts.CacheDir, err)
		}
	}
	system, err := output(ctx, "", nil, "apt-config", "dump")
	if err != nil {
		return nil, err
	}
	for path, text := range map[string]string{
		"status":                      "",
		"sources.list.d/vdev.sources": src.deb822(opts.Suite),
		"apt.conf":                    a.config(system),
	} {
		if err := writeChanged(filepath.Join(a.dir, path), text); err != nil {
			return nil, diskError(opts.CacheDir, err)
		}
	}
	return a, nil
}

// writeChanged writes a file that does not hold the text yet, in one step: another
// vdev may be reading it.
func writeChanged(path, text string) error {
	if old, err := os.ReadFile(path); err == nil && string(old) == text {
		return nil
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.WriteString(text)
	if err := errors.Join(err, tmp.Chmod(0o644), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// aptSource decides which archive to use.
func aptSource(opts Options) (archive, error) {
	key := ""
	for _, path := range debianKeyrings() {
		if _, err := os.Stat(path); err == nil {
			key = path
			break
		}
	}
	if opts.Mirror != "" {
		if strings.ContainsAny(opts.Mirror, " \t\r\n") || !strings.Contains(opts.Mirror, ":") {
			return archive{}, fmt.Errorf("%q is not the URI of a Debian archive", opts.Mirror)
		}
		return archive{uris: []string{opts.Mirror}, signedBy: key}, nil
	}
	osRelease, _ := os.ReadFile("/etc/os-release")
	a, ok := debianArchive(systemArchives("/etc/apt"), osCodename(string(osRelease)))
	if !ok {
		return archive{}, errors.New("apt's sources name no Debian archive: give one with --mirror URI, or a kernel source with --kernel-src")
	}
	if key != "" {
		// The system's own choice may be the keys of its release alone, which
		// need not have signed the suite that we want.
		a.signedBy = key
	}
	return a, nil
}

// deb822 writes the archive as a .sources file for one suite.
func (a archive) deb822(suite string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Types: deb\nURIs: %s\nSuites: %s\nComponents: main\n", strings.Join(a.uris, " "), suite)
	if a.signedBy != "" {
		fmt.Fprintf(&b, "Signed-By: %s\n", strings.ReplaceAll(a.signedBy, "\n", "\n "))
	}
	return b.String()
}

// config writes the apt.conf of the state. Of the system's configuration only what
// concerns fetching is taken over (proxies, certificates, retries): the rest has
// hooks that act on the system's state.
func (a *apt) config(system string) string {
	var b strings.Builder
	for line := range strings.Lines(system) {
		for _, prefix := range []string{"Acquire::http", "Acquire::https", "Acquire::ftp", "Acquire::Retries", "Acquire::ForceIPv", "Acquire::Check-"} {
			if strings.HasPrefix(line, prefix) {
				b.WriteString(strings.TrimRight(line, "\r\n") + "\n")
				break
			}
		}
	}
	set := func(name, value string) { fmt.Fprintf(&b, "%s %q;\n", name, value) }
	set("Dir::Etc::main", "/dev/null")
	set("Dir::Etc::parts", filepath.Join(a.dir, "empty"))
	set("Dir::Etc::sourcelist", "/dev/null")
	set("Dir::Etc::sourceparts", filepath.Join(a.dir, "sources.list.d"))
	set("Dir::Etc::preferences", "/dev/null")
	set("Dir::Etc::preferencesparts", filepath.Join(a.dir, "empty"))
	set("Dir::State", a.dir)
	set("Dir::State::lists", filepath.Join(a.dir, "lists"))
	set("Dir::State::status", filepath.Join(a.dir, "status"))
	set("Dir::State::extended_states", filepath.Join(a.dir, "extended_states"))
	set("Dir::Cache", filepath.Join(a.dir, "cache"))
	set("Dir::Log", filepath.Join(a.dir, "cache"))
	set("Acquire::Languages", "none")
	set("Acquire::PDiffs", "false")
	set("APT::Update::Error-Mode", "any")
	if a.arch != "" {
		set("APT::Architecture", a.arch)
		fmt.Fprintf(&b, "#clear APT::Architectures;\nAPT::Architectures { %q; };\n", a.arch)
	}
	if os.Geteuid() == 0 {
		// The cache is in root's home then, which the sandbox user cannot enter.
		set("APT::Sandbox::User", "root")
	}
	return b.String()
}

// env points apt's programs at the state.
func (a *apt) env() []string { return []string{"APT_CONFIG=" + filepath.Join(a.dir, "apt.conf")} }

// get runs apt-get in dir and shows its progress under the name of task.
func (a *apt) get(ctx context.Context, dir, task string, args ...string) error {
	statusR, statusW, err := os.Pipe()
	if err != nil {
		return err
	}
	defer statusR.Close()
	var said strings.Builder
	cmd := command(ctx, dir, a.env(), "apt-get", append([]string{"-q", "-o", "APT::Status-Fd=3"}, args...)...)
	cmd.ExtraFiles = []*os.File{statusW}
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		statusW.Close()
		return commandError(ctx, "apt-get", err, "")
	}
	statusW.Close()
	lines := &lineWriter{line: func(line string) {
		if pct, what, ok := parseAptStatus(line); ok {
			a.report.live(task, int64(pct*10), 1000, what)
		}
	}}
	buf := make([]byte, 4096)
	for {
		n, err := statusR.Read(buf)
		lines.Write(buf[:n])
		if err != nil {
			break
		}
	}
	err = cmd.Wait()
	a.report.clear()
	if err != nil {
		return a.explain(ctx, task, err, said.String())
	}
	return nil
}

// parseAptStatus reads a line of APT::Status-Fd: kind:percent:description, where
// the kinds differ in their second field.
func parseAptStatus(line string) (percent float64, what string, ok bool) {
	f := strings.SplitN(line, ":", 4)
	if len(f) < 4 || f[0] != "dlstatus" {
		return 0, "", false
	}
	percent, err := strconv.ParseFloat(f[2], 64)
	if err != nil || !(percent >= 0 && percent <= 100) {
		return 0, "", false
	}
	return percent, strings.TrimSpace(f[3]), true
}

// explain makes one line of what apt said before it failed.
func (a *apt) explain(ctx context.Context, task string, err error, said string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, exec.ErrNotFound) {
		return errors.New("apt-get is not installed: give a kernel source with --kernel-src")
	}
	if mentionsFullDisk(said) {
		return diskError(a.dir, syscall.ENOSPC)
	}
	if strings.Contains(said, "NO_PUBKEY") || strings.Contains(said, "Missing key") {
		return fmt.Errorf("%s: this system lacks the keys of suite %s, install them with: sudo apt-get install debian-archive-keyring", task, a.suite)
	}
	reason := strings.ReplaceAll(lastLines(said, 2), "\n", "; ")
	for line := range strings.Lines(said) {
		if r, ok := strings.CutPrefix(line, "E: "); ok {
			reason = strings.TrimSpace(r)
			break
		}
	}
	return fmt.Errorf("%s failed: %s (no network? a kernel source of your own can be given with --kernel-src)", task, reason)
}

// update fetches the lists of packages.
func (a *apt) update(ctx context.Context) error {
	// apt would not wait for another one.
	unlock, err := lockDir(ctx, a.dir, func() {})
	if err != nil {
		return err
	}
	defer unlock()
	return a.get(ctx, a.dir, "package lists of "+a.suite, "update")
}

// query runs apt-cache.
func (a *apt) query(ctx context.Context, args ...string) (string, error) {
	return output(ctx, a.dir, a.env(), "apt-cache", args...)
}

// find returns the record of a package, its newest version if there are several.
func (a *apt) find(ctx context.Context, name string) (debRecord, error) {
	text, err := a.query(ctx, "--no-all-versions", "show", name)
	if ctx.Err() != nil {
		return debRecord{}, ctx.Err()
	}
	if err == nil {
		for _, st := range parseStanzas(text) {
			if st["package"] == name && st["version"] != "" && st["sha256"] != "" {
				return debRecord{Name: name, Version: st["version"], SHA256: st["sha256"], Depends: dependNames(st["depends"])}, nil
			}
		}
	}
	return debRecord{}, fmt.Errorf("suite %s has no package %s%s", a.suite, name, archSuffix(a.arch))
}

func archSuffix(arch string) string {
	if arch == "" {
		return ""
	}
	return " for " + arch
}

// dependNames takes the names out of a Depends field; of alternatives the first.
func dependNames(field string) []string {
	var names []string
	for _, dep := range strings.Split(field, ",") {
		f := strings.FieldsFunc(dep, func(c rune) bool { return strings.ContainsRune(" \t\n(|:", c) })
		if len(f) > 0 {
			names = append(names, f[0])
		}
	}
	return names
}

// kernelSourcePrefix begins the names of Debian's kernel source packages; the
// version of the kernel follows.
const kernelSourcePrefix = "linux-source-"

// newestKernelSource returns the kernel source package with the highest version.
func (a *apt) newestKernelSource(ctx context.Context) (debRecord, error) {
	text, err := a.query(ctx, "pkgnames", kernelSourcePrefix)
	if err != nil {
		return debRecord{}, err
	}
	name, ok := newestVersioned(strings.Fields(text), kernelSourcePrefix)
	if !ok {
		return debRecord{}, fmt.Errorf("suite %s has no %s* package", a.suite, kernelSourcePrefix)
	}
	return a.find(ctx, name)
}

// newestVersioned picks, among names made of a prefix and a dotted version, the one
// with the highest version.
func newestVersioned(names []string, prefix string) (string, bool) {
	best, bestVersion := "", []int(nil)
	for _, n := range names {
		v, ok := dottedVersion(strings.TrimPrefix(n, prefix))
		if !ok || !strings.HasPrefix(n, prefix) {
			continue
		}
		if best == "" || slices.Compare(v, bestVersion) > 0 {
			best, bestVersion = n, v
		}
	}
	return best, best != ""
}

func dottedVersion(s string) ([]int, bool) {
	var v []int
	for _, part := range strings.Split(s, ".") {
		n, err := strconv.ParseUint(part, 10, 31)
		if err != nil {
			return nil, false
		}
		v = append(v, int(n))
	}
	return v, true
}

// download fetches a package into dir and returns the path of the file.
func (a *apt) download(ctx context.Context, rec debRecord, dir string) (string, error) {
	if err := a.get(ctx, dir, "download of "+rec.Name+" "+rec.Version, "download", rec.Name+"="+rec.Version); err != nil {
		return "", err
	}
	debs, err := filepath.Glob(filepath.Join(dir, "*.deb"))
	if err != nil || len(debs) != 1 {
		return "", fmt.Errorf("apt-get left %d packages instead of %s", len(debs), rec.Name)
	}
	sum, err := hashFile(debs[0])
	if err != nil {
		return "", err
	}
	if sum != rec.SHA256 {
		return "", fmt.Errorf("the download of %s %s is damaged: SHA-256 %s instead of %s", rec.Name, rec.Version, sum, rec.SHA256)
	}
	return debs[0], nil
}
