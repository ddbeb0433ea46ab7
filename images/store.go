// SPDX-License-Identifier: Apache-2.0

package images

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// manifestName is the file that makes a directory an entry.
const manifestName = "manifest.json"

// manifestFormat is part of every manifest; a manifest of another format counts
// as damaged.
const manifestFormat = 1

// alwaysHash is the size in bytes up to which a file is hashed at each use.
// Larger ones are trusted while size and time of modification are as recorded.
const alwaysHash = 64 << 20

// input is one of the things that determine an entry's content.
type input struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// fileRecord describes one file of an entry.
type fileRecord struct {
	Name    string `json:"name"`
	Size    int64  `json:"size"`     // bytes
	ModTime int64  `json:"mtime_ns"` // nanoseconds since 1970
	SHA256  string `json:"sha256"`
}

// manifest says what an entry is made of and made from.
type manifest struct {
	Format  int          `json:"format"`
	Kind    string       `json:"kind"`
	Key     string       `json:"key"`
	Created time.Time    `json:"created"`
	Inputs  []input      `json:"inputs"`
	Files   []fileRecord `json:"files"`
}

// input returns the value of a named input, or "".
func (m manifest) input(name string) string {
	for _, in := range m.Inputs {
		if in.Name == name {
			return in.Value
		}
	}
	return ""
}

// entry is a finished, verified directory of the store.
type entry struct {
	dir string
	manifest
}

// path returns the path of one of the entry's files.
func (e *entry) path(name string) string { return filepath.Join(e.dir, name) }

// Why the store cannot give an entry: there is none, or there is one that is not
// what its manifest says.
var (
	errAbsent  = errors.New("not in the cache")
	errDamaged = errors.New("damaged in the cache")
)

// store is a directory of entries, root/KIND/KEY.
type store struct {
	root   string
	report *reporter
}

// keyOf is the name of an entry: a hash of its kind and inputs, in order.
func keyOf(kind string, inputs []input) string {
	h := sha256.New()
	// JSON keeps the boundaries of the strings.
	if err := json.NewEncoder(h).Encode([]any{manifestFormat, kind, inputs}); err != nil {
		panic("BUG: images: inputs cannot be encoded: " + err.Error())
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// lookup returns the entry of that kind and those inputs if it is there and
// intact, errAbsent if it is not there, and errDamaged with what is wrong if it is
// not intact.
func (s *store) lookup(kind string, inputs []input) (*entry, error) {
	return s.open(kind, keyOf(kind, inputs))
}

// open returns the entry kind/key after verifying it.
func (s *store) open(kind, key string) (*entry, error) {
	dir := filepath.Join(s.root, kind, key)
	if _, err := os.Lstat(dir); errors.Is(err, os.ErrNotExist) {
		return nil, errAbsent
	}
	e, err := verify(dir, kind, key)
	if err != nil {
		return nil, fmt.Errorf("%s %w: %w", kind, errDamaged, err)
	}
	// The time of the directory is that of the last use; prune goes by it.
	now := time.Now()
	_ = os.Chtimes(dir, now, now)
	return e, nil
}

// verify reads the entry in dir and compares its files with its manifest.
func verify(dir, kind, key string) (*entry, error) {
	e := &entry{dir: dir}
	raw, err := os.ReadFile(e.path(manifestName))
	if err != nil {
		return nil, fmt.Errorf("manifest: %w", unwrapPath(err))
	}
	if err := json.Unmarshal(raw, &e.manifest); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	switch {
	case e.Format != manifestFormat:
		return nil, fmt.Errorf("manifest has format %d", e.Format)
	case e.Kind != kind || e.Key != key || keyOf(kind, e.Inputs) != key:
		return nil, errors.New("manifest belongs to another entry")
	case len(e.Files) == 0:
		return nil, errors.New("manifest names no files")
	}
	for _, f := range e.Files {
		if f.Name != filepath.Base(f.Name) || f.Name == manifestName {
			return nil, fmt.Errorf("manifest names %q", f.Name)
		}
		if err := verifyFile(e.path(f.Name), f); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// verifyFile compares a file with its record.
func verifyFile(path string, want fileRecord) error {
	fi, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("%s: %w", want.Name, unwrapPath(err))
	}
	if fi.Size() != want.Size {
		return fmt.Errorf("%s has %d bytes instead of %d", want.Name, fi.Size(), want.Size)
	}
	if want.Size > alwaysHash && fi.ModTime().UnixNano() == want.ModTime {
		return nil
	}
	sum, err := hashFile(path)
	if err != nil {
		return err
	}
	if sum != want.SHA256 {
		return fmt.Errorf("%s has changed", want.Name)
	}
	return nil
}

// unwrapPath takes the path off an error that is shown beside the path.
func unwrapPath(err error) error {
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		return pe.Err
	}
	return err
}

// hashFile returns the SHA-256 of a file in hexadecimal.
func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// ensure returns the entry of that kind and those inputs. If there is no intact
// one, make is called with an empty directory to put the entry's files in; files
// are the names it must leave there. The directory lies on the cache's file
// system and may hold anything besides: only the named files are kept.
//
// Preconditions: the caller holds no lock of this store.
func (s *store) ensure(ctx context.Context, kind string, inputs []input, files []string, make func(ctx context.Context, dir string) error) (*entry, error) {
	e, err := s.lookup(kind, inputs)
	if err == nil {
		return e, nil
	}
	if err := os.MkdirAll(s.root, 0o755); err != nil {
		return nil, diskError(s.root, err)
	}
	unlock, err := lockDir(ctx, s.root, func() {
		s.report.step("waiting for another vdev that is building in %s", s.root)
	})
	if err != nil {
		return nil, err
	}
	defer unlock()
	// Another process may have built it while we waited.
	e, err = s.lookup(kind, inputs)
	if err == nil {
		return e, nil
	}
	if !errors.Is(err, errAbsent) {
		s.report.step("%v: building it anew", err)
	}
	if err := s.build(ctx, kind, inputs, files, make); err != nil {
		return nil, diskError(s.root, err)
	}
	return s.lookup(kind, inputs)
}

// build makes an entry and puts it in place. Preconditions: the store is locked.
func (s *store) build(ctx context.Context, kind string, inputs []input, files []string, make func(ctx context.Context, dir string) error) error {
	// What lies in tmp was left by a process that died: nobody else is building
	// while we hold the lock. A child that outlived it may still write there, so
	// that not all of it goes: the name of our own directory is a new one.
	temps := filepath.Join(s.root, "tmp")
	_ = os.RemoveAll(temps)
	if err := os.MkdirAll(temps, 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(temps, kind+"-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	work := filepath.Join(tmp, "work")
	if err := os.Mkdir(work, 0o755); err != nil {
		return err
	}
	if err := make(ctx, work); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}

	m := manifest{Format: manifestFormat, Kind: kind, Key: keyOf(kind, inputs), Created: time.Now().UTC().Truncate(time.Second), Inputs: inputs}
	out := filepath.Join(tmp, "entry")
	if err := os.Mkdir(out, 0o755); err != nil {
		return err
	}
	for _, name := range files {
		dst := filepath.Join(out, name)
		if err := os.Rename(filepath.Join(work, name), dst); err != nil {
			return fmt.Errorf("building %s left no %s: %w", kind, name, unwrapPath(err))
		}
		rec, err := recordFile(dst, name)
		if err != nil {
			return err
		}
		m.Files = append(m.Files, rec)
	}
	raw, err := json.MarshalIndent(m, "", "\t")
	if err != nil {
		return err
	}
	if err := writeFileSync(filepath.Join(out, manifestName), append(raw, '\n')); err != nil {
		return err
	}
	final := filepath.Join(s.root, kind, m.Key)
	if err := os.MkdirAll(filepath.Dir(final), 0o755); err != nil {
		return err
	}
	if err := os.RemoveAll(final); err != nil {
		return err
	}
	if err := os.Rename(out, final); err != nil {
		return err
	}
	return syncDir(filepath.Dir(final))
}

// recordFile flushes a file to the disk and describes it.
func recordFile(path, name string) (fileRecord, error) {
	f, err := os.Open(path)
	if err != nil {
		return fileRecord{}, err
	}
	defer f.Close()
	if err := f.Sync(); err != nil {
		return fileRecord{}, err
	}
	fi, err := f.Stat()
	if err != nil {
		return fileRecord{}, err
	}
	sum, err := hashFile(path)
	if err != nil {
		return fileRecord{}, err
	}
	return fileRecord{Name: name, Size: fi.Size(), ModTime: fi.ModTime().UnixNano(), SHA256: sum}, nil
}

// writeFileSync writes a file and flushes it to the disk.
func writeFileSync(path string, data []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncDir flushes the names in a directory to the disk.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// newest returns the most recently used intact entry of a kind that accept takes.
func (s *store) newest(kind string, accept func(manifest) bool) (*entry, error) {
	for _, key := range s.keysByUse(kind) {
		e, err := s.open(kind, key)
		if err == nil && accept(e.manifest) {
			return e, nil
		}
	}
	return nil, errAbsent
}

// keysByUse lists the entries of a kind, the last used one first.
func (s *store) keysByUse(kind string) []string {
	dirs, err := os.ReadDir(filepath.Join(s.root, kind))
	if err != nil {
		return nil
	}
	type used struct {
		key  string
		when time.Time
	}
	var all []used
	for _, d := range dirs {
		if fi, err := d.Info(); err == nil && d.IsDir() {
			all = append(all, used{d.Name(), fi.ModTime()})
		}
	}
	slices.SortStableFunc(all, func(a, b used) int { return b.when.Compare(a.when) })
	keys := make([]string, len(all))
	for i, u := range all {
		keys[i] = u.key
	}
	return keys
}

// prune removes all but the keep most recently used entries of a kind. It is a
// courtesy: what cannot be removed stays.
func (s *store) prune(ctx context.Context, kind string, keep int) {
	keys := s.keysByUse(kind)
	if len(keys) <= keep {
		return
	}
	unlock, err := lockDir(ctx, s.root, func() {})
	if err != nil {
		return
	}
	defer unlock()
	for _, key := range keys[keep:] {
		_ = os.RemoveAll(filepath.Join(s.root, kind, key))
	}
}
