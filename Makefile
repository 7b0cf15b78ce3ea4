# Needs Debian or Ubuntu, no ROS. Every target does the set-up it needs; a second run is quick.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help setup models demo test lint mutants fuzz sanitize orphans soak clean

# The modules of `make mutants`: what a wrong sign or threshold would harm most.
MODULES ?= m3_ros/query/segment.py m3_ros/query/score.py m3_ros/query/verify.py \
  m3_ros/grasp/candidates.py

help:
	@echo "make setup  system packages, virtual environment, build"
	@echo "make models what the paper's foundation models need besides, see docs/models.md"
	@echo "make demo   scan, remember, find and grasp in simulation; DEMO_ARGS=\"--seed 3\""
	@echo "make test   lint, unit tests, ROS 2 tests between processes, one end-to-end run;"
	@echo "            the ten slowest tests of each part are named; TEST_ARGS=test/query"
	@echo "make mutants  how many small mutations of modules their tests notice (an hour);"
	@echo "            MODULES=\"m3_ros/grasp/candidates.py ...\" MUTANT_ARGS=\"--count 10\""
	@echo "make fuzz   damaged scans, memories, settings, messages, requests, calls: 20 000 of each;"
	@echo "            FUZZ_ARGS=\"importer --runs 1000 --seed 1\""
	@echo "make sanitize  tests of the native code and 2000 hostile calls of it under the address"
	@echo "            and undefined-behaviour sanitizers (three minutes)"
	@echo "make orphans  50 kills of stacks and demonstrations at random moments (30 minutes);"
	@echo "            ORPHANS_ARGS=\"--kills 20 --seed 1\""
	@echo "make soak   scan, build, query and grasp in a loop with faults thrown in;"
	@echo "            MINUTES=120"
	@echo "make clean  remove what the build made (the virtual environment stays)"

setup:
	@tools/setup.sh $(EXTRA)

models: EXTRA = models
models: setup

demo: setup
	@./m3 demo $(DEMO_ARGS)

test: EXTRA = models
test: setup lint
	@tools/test.sh $(TEST_ARGS)

mutants: EXTRA = models
mutants: setup
	@source tools/environment.sh && python tools/mutants.py $(MODULES) $(MUTANT_ARGS)

fuzz: setup
	@source tools/environment.sh && python tools/fuzz.py $(FUZZ_ARGS)

sanitize: setup
	@tools/sanitize.sh

orphans: setup
	@source tools/environment.sh && python tools/orphans.py $(ORPHANS_ARGS)

soak: MINUTES ?= 120
soak: setup
	@source tools/environment.sh && python tools/soak.py --minutes $(MINUTES)

lint: setup
	@.venv/bin/ruff format --check --quiet . && .venv/bin/ruff check --quiet .

clean:
	rm -rf build install log m3_ros/splat/_native
