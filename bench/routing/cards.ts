// The agents of the routing benchmark: what a company and a household might run. Written as authors write
// cards: a sentence of description, a few tags, and two or three examples. The requests beside it
// (tuned.txt, untuned.txt) were written apart from the examples, and none of them is one.
import type { AgentCard, SkillCard } from "../../protocol/card.js";

interface Sketch {
  /** What the agent is. */
  is: string;
  skills: Record<string, [description: string, tags: string, ...string[]]>;
}

const sketches: Record<string, Sketch> = {
  text: {
    is: "Works on texts that are already written",
    skills: {
      summarize: [
        "Condenses a text to its main points",
        "summary, tl;dr, shorten, abstract",
        "Summarize this article in three sentences",
        "Give me the gist of the report",
        "Shorten this to one paragraph",
      ],
      rewrite: [
        "Rephrases a text in another tone or style, with the same meaning",
        "rephrase, paraphrase, tone, style",
        "Make this sound more formal",
        "Reword the paragraph in plain English",
        "Rewrite it so that it is friendlier",
      ],
      proofread: [
        "Finds and corrects mistakes of spelling, grammar and punctuation",
        "spelling, grammar, typos, correct",
        "Check my essay for typos",
        "Correct the grammar in this email",
      ],
    },
  },
  translator: {
    is: "Speaks many languages",
    skills: {
      translate: [
        "Translates a text from one language into another",
        "translation, language, localization",
        "Translate this into French",
        "What does this mean in English?",
        "How do you say thank you in Japanese",
      ],
      detect_language: [
        "Tells which language a text is written in",
        "language identification",
        "Which language is this?",
        "Detect the language of the message",
      ],
    },
  },
  writer: {
    is: "Writes new texts from a subject or some notes",
    skills: {
      headline: [
        "Writes a headline or title for a text",
        "title, headline, subject line, slogan",
        "Suggest a catchy title for my post",
        "Come up with a headline for this news story",
      ],
      blog_post: [
        "Writes a whole article or blog post about a subject",
        "article, blog, content, essay",
        "Write a blog post about remote work",
        "Draft an article on solar energy",
      ],
      product_description: [
        "Writes copy that sells a product",
        "marketing, copywriting, product page, ad",
        "Write a product description for these headphones",
        "Ad copy for our new running shoes",
      ],
    },
  },
  mail: {
    is: "Takes care of a mailbox",
    skills: {
      draft_reply: [
        "Drafts an answer to an email",
        "email, reply, respond, answer",
        "Write a polite reply to this message",
        "Answer Anna's email and say I agree",
      ],
      triage_inbox: [
        "Sorts unread emails by urgency and labels them",
        "inbox, unread, prioritize, sort",
        "What's important in my inbox?",
        "Sort my unread mail",
      ],
      unsubscribe: [
        "Takes an address off newsletters and mailing lists",
        "newsletter, mailing list, opt out, spam",
        "Unsubscribe me from this newsletter",
        "Stop these marketing emails",
      ],
    },
  },
  calendar: {
    is: "Keeps appointments",
    skills: {
      schedule_meeting: [
        "Books a meeting with people at a time and sends the invitations",
        "appointment, invite, book, meeting",
        "Set up a meeting with Tom on Tuesday at 3",
        "Schedule a call with the design team",
      ],
      find_free_time: [
        "Finds times at which everybody is available",
        "availability, free slot, busy",
        "When is everyone free next week?",
        "Do I have time on Thursday afternoon?",
      ],
      cancel_event: [
        "Cancels or moves an appointment and tells those invited",
        "cancel, reschedule, postpone, move",
        "Cancel my 2 o'clock",
        "Move the stand-up to Friday",
      ],
    },
  },
  travel: {
    is: "Plans and books journeys",
    skills: {
      book_flight: [
        "Searches and books flights between two cities",
        "flight, airline, ticket, plane",
        "Find me a flight from Berlin to Lisbon on May 3rd",
        "Book a plane ticket to Tokyo",
      ],
      find_hotel: [
        "Finds hotels and other places to stay",
        "hotel, accommodation, room, lodging",
        "A hotel near the station under 120 euros",
        "Where can I stay in Prague?",
      ],
      plan_itinerary: [
        "Plans a trip day by day: sights, restaurants, ways",
        "itinerary, sightseeing, trip, vacation",
        "Plan three days in Rome for a family",
        "What should we see in Kyoto?",
      ],
    },
  },
  weather: {
    is: "Knows the weather",
    skills: {
      forecast: [
        "Tells the weather of a place for the coming days: temperature, rain, wind",
        "rain, temperature, sun, snow",
        "What will the weather be in Oslo tomorrow?",
        "Will it rain this weekend?",
      ],
      storm_alerts: [
        "Warns of storms, floods and other dangerous weather",
        "warning, storm, hurricane, flood",
        "Are there any storm warnings for the coast?",
        "Notify me of severe weather",
      ],
    },
  },
  finance: {
    is: "Watches money and markets",
    skills: {
      convert_currency: [
        "Converts an amount of money between currencies at today's rate",
        "exchange rate, dollar, euro, currency",
        "How much is 200 dollars in euros?",
        "Convert 50 GBP to yen",
      ],
      stock_price: [
        "Quotes shares and indices",
        "stock, share, market, ticker",
        "What is the share price of Siemens?",
        "How did the Nasdaq close?",
      ],
      categorize_expenses: [
        "Sorts transactions of an account into categories and adds them up",
        "spending, budget, transactions, bank statement",
        "Where does my money go each month?",
        "Categorize the expenses of my credit card",
      ],
    },
  },
  billing: {
    is: "Handles what customers owe us",
    skills: {
      create_invoice: [
        "Makes out an invoice to a customer",
        "invoice, bill, charge",
        "Invoice Acme for ten hours of consulting",
        "Create a bill for order 4711",
      ],
      refund: [
        "Pays a customer's money back",
        "refund, reimburse, chargeback",
        "Refund the last payment of this customer",
        "Give her the money back for the double charge",
      ],
      chase_payment: [
        "Reminds customers of invoices that are overdue",
        "overdue, reminder, dunning, unpaid",
        "Send a reminder for unpaid invoices",
        "Who has not paid yet?",
      ],
    },
  },
  crm: {
    is: "Keeps records of customers and sales",
    skills: {
      find_contact: [
        "Looks up the details of a person or company we know",
        "contact, phone number, address book, customer",
        "What is Maria Lopez's phone number?",
        "Look up the contact at Initech",
      ],
      log_call: [
        "Notes what was said in a call or meeting with a customer",
        "note, activity, call, record",
        "Log my call with Mr. Jones",
        "Add a note that the client wants a demo",
      ],
      score_lead: [
        "Rates how likely a prospect is to buy",
        "lead, prospect, sales, qualification",
        "How good is this lead?",
        "Rank our prospects by chance of closing",
      ],
    },
  },
  hr: {
    is: "Human resources: people who work here, and those who would like to",
    skills: {
      request_leave: [
        "Files a request for vacation, sick leave or another absence",
        "vacation, holiday, time off, sick",
        "I want to take next Friday off",
        "How many vacation days do I have left?",
      ],
      screen_resume: [
        "Compares resumes of applicants with a job description",
        "CV, resume, candidate, hiring, recruiting",
        "Does this candidate fit the job?",
        "Go through these resumes for the backend role",
      ],
      onboard_employee: [
        "Prepares everything for a new colleague: accounts, equipment, first days",
        "onboarding, new hire, starter",
        "A new developer starts on Monday, prepare everything",
        "Set up accounts for our new hire",
      ],
    },
  },
  coder: {
    is: "Reads and writes source code",
    skills: {
      review_code: [
        "Reviews a change of source code and comments on problems",
        "pull request, diff, code review, merge",
        "Review this pull request",
        "Any problems with my diff?",
      ],
      write_tests: [
        "Writes unit tests for given code",
        "unit test, coverage, testing, jest",
        "Write unit tests for this function",
        "Increase the test coverage of the parser",
      ],
      explain_code: [
        "Explains in words what a piece of code does",
        "explain, understand, walkthrough, documentation",
        "What does this function do?",
        "Explain this regular expression",
      ],
      fix_bug: [
        "Finds the cause of a bug or error and proposes a patch",
        "debug, error, crash, exception, stack trace",
        "Why does this throw a null pointer exception?",
        "Fix the failing login",
      ],
    },
  },
  ops: {
    is: "Runs services in production",
    skills: {
      deploy: [
        "Releases a version of a service to an environment",
        "release, rollout, ship, staging, production",
        "Deploy version 2.3 to staging",
        "Ship the checkout service to production",
      ],
      roll_back: [
        "Brings a service back to the version before",
        "revert, undo, rollback, previous version",
        "Roll back the last deployment",
        "Revert production to yesterday's release",
      ],
      search_logs: [
        "Searches the logs of services for errors and patterns",
        "logs, errors, monitoring, trace",
        "Show me the error logs of the payment service",
        "Search the logs for timeouts in the last hour",
      ],
      scale_service: [
        "Changes how many instances of a service run",
        "replicas, capacity, autoscaling, instances",
        "Scale the web frontend to ten replicas",
        "Add more instances before the sale starts",
      ],
    },
  },
  data: {
    is: "Analyses tables and databases",
    skills: {
      run_query: [
        "Answers a question from a database by an SQL query",
        "SQL, database, table, query",
        "How many users signed up last month?",
        "Query the orders table by country",
      ],
      plot_chart: [
        "Draws a chart from numbers",
        "graph, plot, visualization, diagram",
        "Plot revenue by month as a bar chart",
        "Make a pie chart of these numbers",
      ],
      clean_table: [
        "Tidies a spreadsheet: duplicates, missing values, formats",
        "CSV, spreadsheet, duplicates, normalize",
        "Remove duplicate rows from this CSV",
        "Clean up the date formats in my spreadsheet",
      ],
      find_anomalies: [
        "Finds values in a series that are out of the ordinary",
        "outlier, anomaly, unusual, spike",
        "Is there anything unusual in these metrics?",
        "Find outliers in the sensor data",
      ],
    },
  },
  documents: {
    is: "Reads and converts documents",
    skills: {
      extract_text: [
        "Reads the text out of scans and photos of documents (OCR)",
        "OCR, scan, photo, handwriting",
        "Get the text out of this scan",
        "Read what it says on the photographed receipt",
      ],
      convert_file: [
        "Converts documents between formats such as PDF, Word and HTML",
        "PDF, docx, format, export",
        "Turn this Word document into a PDF",
        "Convert the PDF to HTML",
      ],
      fill_form: [
        "Fills in forms with known data",
        "form, application, fields, paperwork",
        "Fill out this tax form for me",
        "Complete the visa application with my details",
      ],
    },
  },
  image: {
    is: "Makes and changes pictures",
    skills: {
      generate_image: [
        "Makes a picture from a description in words",
        "picture, illustration, drawing, art",
        "Draw a cat riding a bicycle",
        "Create an illustration for my presentation",
      ],
      remove_background: [
        "Cuts out what is in front of a picture and makes the rest transparent",
        "background, cutout, transparent, photo editing",
        "Remove the background from this photo",
        "Cut out the person in the picture",
      ],
      describe_image: [
        "Says in words what can be seen in a picture",
        "caption, alt text, recognition",
        "What is in this picture?",
        "Write an alt text for the photo",
      ],
    },
  },
  audio: {
    is: "Turns speech into text and back",
    skills: {
      transcribe: [
        "Writes down what is said in a recording",
        "speech to text, transcript, recording, dictation",
        "Transcribe this interview",
        "I need a transcript of the podcast",
      ],
      speak: [
        "Reads a text aloud in a natural voice",
        "text to speech, voice, narration, read aloud",
        "Read this article to me",
        "Make an audio version of the text",
      ],
    },
  },
  security: {
    is: "Guards systems and accounts",
    skills: {
      scan_vulnerabilities: [
        "Checks software and its dependencies for known weaknesses",
        "CVE, vulnerability, dependencies, audit",
        "Are any of our packages vulnerable?",
        "Scan the image for CVEs",
      ],
      check_phishing: [
        "Judges whether a message or link is a fraud",
        "phishing, scam, suspicious, fraud",
        "Is this email a scam?",
        "Check whether this link is safe",
      ],
      rotate_secret: [
        "Replaces passwords, keys and tokens by new ones",
        "password, API key, credentials, token",
        "Rotate the database password",
        "The API key was leaked, replace it",
      ],
    },
  },
  legal: {
    is: "Reads what lawyers write",
    skills: {
      review_contract: [
        "Reads a contract and points out risks and unusual clauses",
        "contract, agreement, clause, NDA, terms",
        "Check this NDA for unusual clauses",
        "What are the risks in this agreement?",
      ],
      redact: [
        "Blacks out names and other personal data in a document",
        "anonymize, GDPR, privacy, personal data",
        "Anonymize the names in this transcript",
        "Redact personal data before we publish",
      ],
    },
  },
  shop: {
    is: "Serves the customers of an online shop",
    skills: {
      track_order: [
        "Tells where an order or parcel is and when it arrives",
        "delivery, parcel, shipping, order status",
        "Where is my order?",
        "When will the package arrive?",
      ],
      recommend_product: [
        "Recommends products that suit a wish and a budget",
        "recommendation, gift, buy, compare",
        "Which laptop should I buy for under 900 euros?",
        "A present for a ten-year-old who likes dinosaurs",
      ],
      return_item: [
        "Takes back goods: return label, exchange",
        "return, exchange, wrong size, damaged",
        "I want to return these shoes",
        "The lamp arrived broken, send another",
      ],
    },
  },
  kitchen: {
    is: "Helps with cooking",
    skills: {
      suggest_recipe: [
        "Suggests recipes from ingredients, taste and time",
        "recipe, cook, dinner, ingredients",
        "What can I cook with eggs and spinach?",
        "A quick vegetarian dinner",
      ],
      shopping_list: [
        "Keeps the list of groceries to buy",
        "groceries, supermarket, list",
        "Put milk and bread on the shopping list",
        "What do we need from the supermarket?",
      ],
    },
  },
  health: {
    is: "Keeps a diary of sport and food",
    skills: {
      log_workout: [
        "Records exercise: runs, rides, weights",
        "exercise, training, fitness, gym",
        "I ran 5 km in 26 minutes",
        "Record today's workout",
      ],
      count_calories: [
        "Estimates calories and nutrients of meals",
        "nutrition, calories, protein, diet",
        "How many calories are in a slice of pizza?",
        "How much protein was in my lunch?",
      ],
    },
  },
  home: {
    is: "Controls a house",
    skills: {
      set_temperature: [
        "Sets heating and air conditioning",
        "thermostat, heating, warm, cool",
        "Set the thermostat to 21 degrees",
        "Turn up the heating in the bedroom",
      ],
      switch_lights: [
        "Switches and dims lamps",
        "light, lamp, dim, bright",
        "Turn off the lights in the kitchen",
        "Dim the living room",
      ],
    },
  },
  research: {
    is: "Finds out what is known",
    skills: {
      search_papers: [
        "Searches scientific literature on a question",
        "papers, studies, literature, science, citations",
        "Find papers about coral bleaching",
        "What does the research say about intermittent fasting?",
      ],
      check_fact: [
        "Checks whether a claim is true, with sources",
        "fact check, true or false, claim, evidence",
        "Is it true that bats are blind?",
        "Verify this quote by Einstein",
      ],
    },
  },
};

export const benchmarkCards: readonly AgentCard[] = Object.entries(
  sketches,
).map(([name, { is, skills }]) => ({
  name,
  description: is,
  version: "1.0.0",
  lane: "main",
  labels: {},
  skills: Object.entries(skills).map(
    ([id, [description, tags, ...examples]]): SkillCard => ({
      id,
      name: id,
      description,
      tags: tags.split(", "),
      examples,
      inputSchema: {},
    }),
  ),
}));
