import { mixedCluster } from "./mixed-suite.js";

mixedCluster("1 Go and 3 ours", ["smartbft-go", "testbed", "testbed", "testbed"]);
