package orderer

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A template that the library does not have is a step that is never told.
func TestEveryTemplateIsALineOfTheLibrary(t *testing.T) {
	folder, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/hyperledger-labs/SmartBFT").Output()
	if err != nil {
		t.Fatal(err)
	}
	var source strings.Builder
	err = filepath.WalkDir(strings.TrimSpace(string(folder)), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		content, err := os.ReadFile(path)
		source.Write(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for template := range steps {
		if !strings.Contains(source.String(), `"`+template+`"`) {
			t.Errorf("the library has no line %q", template)
		}
	}
	if len(steps) < 60 {
		t.Errorf("got %d templates, expected all of both tables", len(steps))
	}
}

// Names of steps are a vocabulary of src/smartbft/contract.ts: results know no others.
func TestEveryStepIsOneOfTheContract(t *testing.T) {
	contract, err := os.ReadFile(filepath.Join("..", "..", "src", "smartbft", "contract.ts"))
	if err != nil {
		t.Fatal(err)
	}
	_, list, found := strings.Cut(string(contract), "export const steps = [")
	if !found {
		t.Fatal("src/smartbft/contract.ts has no list of steps")
	}
	told := regexp.MustCompile(`o\.(?:step\("\w+", |requestTimeout\(|tellInFlight\()"(\w+)"`)
	count := 0
	for _, file := range []string{"steps.go", "view_change_steps.go", "observer.go"} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range told.FindAllStringSubmatch(string(source), -1) {
			count++
			if !strings.Contains(list, `"`+call[1]+`"`) {
				t.Errorf("%s: step %q is not in the contract", file, call[1])
			}
		}
	}
	if count < 55 {
		t.Errorf("found %d steps in the sources, expected all of them", count)
	}
}
