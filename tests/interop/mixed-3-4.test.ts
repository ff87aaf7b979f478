import { mixedCluster } from "./mixed-suite.js";

mixedCluster("3 Go and 4 ours", [
  "smartbft-go",
  "testbed",
  "smartbft-go",
  "testbed",
  "smartbft-go",
  "testbed",
  "testbed",
]);
